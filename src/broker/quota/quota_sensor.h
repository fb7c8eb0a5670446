// How usage is measured, as Kafka measures it, so that clients are told the same throttle times: a rate over the last
// windows, and a bucket of tokens. Plain values: the time is handed in. They belong to whoever holds them.
#pragma once

#include <chrono>
#include <vector>

#include "base/time.h"

namespace weir::broker {

// quota.window.num windows of quota.window.size.seconds each.
struct QuotaWindows {
  int32_t count = 11;
  Duration size = seconds(1);
};

// Usage a second, over all windows: the last ones that are over and the one that runs.
class SampledRate {
 public:
  // `amount` may be negative: what was recorded by mistake.
  void record(double amount, MonotonicTime now, const QuotaWindows& windows);
  // How long nothing may be used for the rate to come down to `limit`; zero while it is not above.
  std::chrono::milliseconds excess(double limit, MonotonicTime now, const QuotaWindows& windows);

 private:
  struct Sample {
    MonotonicTime start;
    MonotonicTime last;
    double amount = 0;
  };
  void forget_old(MonotonicTime now, const QuotaWindows& windows);
  // The time that the samples stand for: at least all windows but one, so that a first burst is no high rate.
  [[nodiscard]] Duration span(MonotonicTime now, const QuotaWindows& windows) const;

  std::vector<Sample> samples_;  // one more than there are windows: the oldest may reach into the time that counts
  size_t current_ = 0;
};

// Fills with `limit` tokens a second up to what all windows hold, and may be overdrawn. A new one is full.
class TokenBucket {
 public:
  // What is there; negative: overdrawn.
  double tokens(double limit, MonotonicTime now, const QuotaWindows& windows);
  void take(double amount, double limit, MonotonicTime now, const QuotaWindows& windows);
  // How long it takes an overdrawn bucket to fill up to nothing; zero when it is not overdrawn.
  std::chrono::milliseconds debt(double limit, MonotonicTime now, const QuotaWindows& windows);

 private:
  double tokens_ = 0;
  bool is_new_ = true;
  MonotonicTime updated_{};
};

}  // namespace weir::broker
