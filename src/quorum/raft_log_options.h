// The settings of the metadata log, named as in the node's settings. Plain values; any thread.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace weir::quorum {

struct RaftLogOptions {
  uint64_t segment_bytes = 1073741824;                 // metadata.log.segment.bytes
  Duration segment_time = std::chrono::hours(24 * 7);  // metadata.log.segment.ms
};

}  // namespace weir::quorum
