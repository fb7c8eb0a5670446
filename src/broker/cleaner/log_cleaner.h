// LogCleaner: chooses the logs of a node that are compacted, the dirtiest first, some at once. Lives on the first loop;
// looking and compacting is done on the shards. How it is done: compact_partition.h.
#pragma once

#include <optional>

#include "base/sync.h"
#include "broker/cleaner/cleaner_settings.h"
#include "broker/maintenance.h"
#include "broker/node_context.h"
#include "broker/partition_key.h"

namespace weir::broker {

struct CompactionOutcome;

// For /metrics.
struct CleanerReport {
  uint64_t rounds = 0;  // that came to their end
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  uint64_t bytes_removed = 0;  // by which logs have become smaller
  double map_used = 0;         // of the last round
  double dirty_ratio_max = 0;  // as of the last look
  size_t uncleanable = 0;      // partitions, as of the last look
  size_t running = 0;
  double seconds_since_look = 0;
};

class LogCleaner {
 public:
  LogCleaner(NodeContext& node, Maintenance& maintenance) : node_(node), maintenance_(maintenance) {}

  // Begins on the current loop; ends when the loop is cleared.
  void start();
  // No log is taken from now on. A round that is under way ends with its partition.
  void stop();
  [[nodiscard]] CleanerReport report() const;

 private:
  struct Choice {
    size_t shard;
    PartitionKey partition;
  };
  Task<void> run();
  // The dirtiest log of all that are dirty enough.
  Task<std::optional<Choice>> choose();
  Task<void> compact(Choice choice, CleanerSettings settings);
  void count(const CompactionOutcome& outcome);

  NodeContext& node_;
  Maintenance& maintenance_;
  CleanerReport report_;
  MonotonicTime last_look_{};
  WaitList changed_;
  bool stopping_ = false;
};

}  // namespace weir::broker
