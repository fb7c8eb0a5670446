// What a compaction is told of a log when it starts, and what it gives back. Plain values; any thread.
#pragma once

#include <string>
#include <vector>

#include "storage/batch_filter.h"
#include "storage/log_config.h"
#include "storage/segment.h"

namespace weir::storage {

// How much of a log is waiting for compaction.
struct Dirtiness {
  Offset first_dirty{0};        // all below was seen by compaction
  Offset first_uncleanable{0};  // nothing from here on may be looked at yet: the base offset of a segment
  uint64_t clean_bytes = 0;
  uint64_t dirty_bytes = 0;  // of the segments in between
  bool is_overdue = false;   // some of it is older than max.compaction.lag.ms

  [[nodiscard]] double ratio() const {
    const uint64_t all = clean_bytes + dirty_bytes;
    return all == 0 ? 0 : static_cast<double>(dirty_bytes) / static_cast<double>(all);
  }
};

struct SourceSegment {
  Offset base_offset;
  Segment::FileSizes sizes;
};

struct CompactionPlan {
  std::string directory;  // of the partition
  LogConfig config;
  Timestamp now;
  Offset first_dirty;
  Offset first_uncleanable;
  std::vector<SourceSegment> segments;  // all below first_uncleanable, ascending
  std::vector<AbortedTransaction> aborted;
  LastRecords producers;
};

// Segments that become one.
struct SegmentGroup {
  size_t first = 0;  // in the plan's segments
  size_t count = 0;
};
// The segments that begin below `end`, put together as far as the limits of a segment allow.
std::vector<SegmentGroup> group_segments(const CompactionPlan& plan, Offset end);

// A segment that lies beside the log, synced, under names that end in kCleanedSuffix, to take the place of others.
struct CompactedSegment {
  Offset base_offset;  // of the first that it replaces
  Offset last_base_offset;
  Segment::FileSizes sizes;
};

}  // namespace weir::storage
