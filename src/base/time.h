// Monotonic time for timers and timeouts. Wall-clock time, which may jump, is Timestamp in types.h.
#pragma once

#include <chrono>

namespace weir {

// Tag of the monotonic clock; it has no now(): ask the Clock seam.
struct MonotonicClock {
  using rep = int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicClock, duration>;
  static constexpr bool is_steady = true;
};

using Duration = std::chrono::nanoseconds;
using MonotonicTime = MonotonicClock::time_point;

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr MonotonicTime kNever = MonotonicTime::max();

}  // namespace weir
