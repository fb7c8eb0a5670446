// The time as group coordinators are told it: both clocks, read at the same moment. A plain value.
#pragma once

#include "base/time.h"
#include "base/types.h"

namespace weir::broker {

struct GroupTime {
  MonotonicTime monotonic;
  Timestamp wall;
};

}  // namespace weir::broker
