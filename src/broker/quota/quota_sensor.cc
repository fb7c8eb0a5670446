#include "broker/quota/quota_sensor.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::broker {
namespace {

using std::chrono::duration;
using FractionalSeconds = duration<double>;

// The wire has 32 bits for a throttle time.
std::chrono::milliseconds rounded(double throttle_seconds) {
  const double ms = std::min<double>(std::round(throttle_seconds * 1000), std::numeric_limits<int32_t>::max());
  return milliseconds(static_cast<int64_t>(ms));
}

}  // namespace

void SampledRate::record(double amount, MonotonicTime now, const QuotaWindows& windows) {
  if (samples_.empty()) samples_.push_back({.start = now, .last = now});
  if (now - samples_[current_].start >= windows.size) {
    current_ = (current_ + 1) % (static_cast<size_t>(windows.count) + 1);
    if (current_ == samples_.size()) samples_.emplace_back();
    samples_[current_] = {.start = now, .last = now};
  }
  samples_[current_].amount += amount;
  samples_[current_].last = now;
}

std::chrono::milliseconds SampledRate::excess(double limit, MonotonicTime now, const QuotaWindows& windows) {
  forget_old(now, windows);
  double amount = 0;
  for (const Sample& sample : samples_) amount += sample.amount;
  const double seconds = FractionalSeconds(span(now, windows)).count();
  const double rate = amount / seconds;
  // Over `seconds` + x the same amount is a rate of `limit`.
  return rate > limit ? rounded((rate - limit) / limit * seconds) : std::chrono::milliseconds(0);
}

void SampledRate::forget_old(MonotonicTime now, const QuotaWindows& windows) {
  for (Sample& sample : samples_) {
    if (now - sample.last >= windows.size * windows.count) sample = {.start = now, .last = now};
  }
}

Duration SampledRate::span(MonotonicTime now, const QuotaWindows& windows) const {
  Duration elapsed{};
  for (const Sample& sample : samples_) elapsed = std::max(elapsed, now - sample.start);
  const int64_t missing = windows.count - 1 - elapsed / windows.size;
  if (missing > 0) elapsed += missing * windows.size;
  return std::max<Duration>(elapsed, milliseconds(1));
}

double TokenBucket::tokens(double limit, MonotonicTime now, const QuotaWindows& windows) {
  const double most = limit * FractionalSeconds(windows.size * windows.count).count();
  const double gained = limit * FractionalSeconds(now - updated_).count();
  tokens_ = is_new_ ? most : std::min(most, tokens_ + gained);
  is_new_ = false;
  updated_ = now;
  return tokens_;
}

void TokenBucket::take(double amount, double limit, MonotonicTime now, const QuotaWindows& windows) {
  tokens_ = tokens(limit, now, windows) - amount;
}

std::chrono::milliseconds TokenBucket::debt(double limit, MonotonicTime now, const QuotaWindows& windows) {
  const double left = tokens(limit, now, windows);
  return left < 0 ? rounded(-left / limit) : std::chrono::milliseconds(0);
}

}  // namespace weir::broker
