// One round of compaction over a partition's log: the decisions are storage's, this reads, waits and hands over. On the
// loop of the partition; the reading and writing is done by disk threads, in steps.
#pragma once

#include <memory>
#include <optional>

#include "base/seams.h"
#include "broker/cleaner/cleaner_settings.h"
#include "broker/partition/cold_reads.h"
#include "broker/partition/partition.h"
#include "storage/compaction.h"

namespace weir::broker {

// What a look at one partition found.
struct CompactionNeed {
  storage::Dirtiness dirtiness;
  bool is_due = false;  // dirty enough, or overdue
};
// Nothing for a log that is not compacted, that goes offline, or that compaction cannot or must not work on now.
Task<std::optional<CompactionNeed>> compaction_need(std::shared_ptr<Partition> partition, ColdReads& reads,
                                                    Clock& clock);

struct CompactionOutcome {
  bool completed = false;  // false: it was given up, failed, or there was nothing to do
  storage::CompactionStats stats;
  uint64_t log_bytes_before = 0;
  uint64_t log_bytes_after = 0;
};
// A log that cannot be compacted is marked so; one that found no room on the disk is tried again later.
Task<CompactionOutcome> compact_partition(std::shared_ptr<Partition> partition, Seams seams, ColdReads& reads,
                                          CleanerSettings settings);

}  // namespace weir::broker
