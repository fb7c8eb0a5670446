#include "storage/compaction_plan.h"

namespace weir::storage {

std::vector<SegmentGroup> group_segments(const CompactionPlan& plan, Offset end) {
  const auto size_max = static_cast<uint64_t>(plan.config.segment_size_max);
  const auto index_max = static_cast<uint64_t>(plan.config.index_size_max);
  std::vector<SegmentGroup> groups;
  Segment::FileSizes sum;
  for (size_t i = 0; i < plan.segments.size() && plan.segments[i].base_offset < end; ++i) {
    const SourceSegment& segment = plan.segments[i];
    // An offset that is not below any in the segment.
    const Offset last = i + 1 < plan.segments.size() ? plan.segments[i + 1].base_offset : plan.first_uncleanable;
    const Segment::FileSizes with{.log = sum.log + segment.sizes.log,
                                  .offset_index = sum.offset_index.value_or(0) + segment.sizes.offset_index.value_or(0),
                                  .time_index = sum.time_index.value_or(0) + segment.sizes.time_index.value_or(0)};
    const auto within_reach = [&] {
      return segment.sizes.log == 0 || last - 1 - plan.segments[groups.back().first].base_offset <= INT32_MAX;
    };
    const bool fits = !groups.empty() && with.log <= size_max && *with.offset_index <= index_max &&
                      *with.time_index <= index_max && within_reach();
    if (fits) {
      ++groups.back().count;
      sum = with;
    } else {
      groups.push_back({.first = i, .count = 1});
      sum = segment.sizes;
    }
  }
  return groups;
}

}  // namespace weir::storage
