// CopyThrottle: decides when the next bytes may be copied between directories, so that no more than the rate is copied
// over time. Plain values; belongs to LogDirs, its loop.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace weir::broker {

class CopyThrottle {
 public:
  // While nothing may be copied: how long until somebody may have changed the rate.
  static constexpr Duration kLook = milliseconds(200);

  // Bytes a second; INT64_MAX: no limit, 0: nothing is copied.
  void set_rate(int64_t bytes_per_second) { rate_ = bytes_per_second; }

  // How long to wait before so many bytes are taken; zero when they are taken now. Copies that are larger than what is
  // left are let through and paid for by those that follow, or a batch above the rate would never go.
  Duration take(size_t bytes, MonotonicTime now) {
    if (rate_ == INT64_MAX) return Duration(0);
    if (rate_ == 0) return kLook;
    if (now < free_at_) return std::min(free_at_ - now, kLook);
    const auto cost = static_cast<double>(bytes) / static_cast<double>(rate_);
    free_at_ =
        now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(cost, kCostMaxSeconds)));
    return Duration(0);
  }

 private:
  static constexpr double kCostMaxSeconds = 3600;
  int64_t rate_ = INT64_MAX;
  MonotonicTime free_at_{};
};

}  // namespace weir::broker
