// Histogram: counts of durations in buckets that double, cheap enough to be fed by every request. One loop thread
// writes; copies are merged.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/time.h"

namespace weir::broker {

class Histogram {
 public:
  // Bucket i holds durations below 2^i microseconds, the last one all others: 1 us .. 67 s.
  static constexpr size_t kBuckets = 27;

  void record(Duration duration) {
    const auto us = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0)) / 1000;
    ++counts_[std::min<size_t>(static_cast<size_t>(std::bit_width(us)), kBuckets - 1)];
    sum_ += duration;
    ++count_;
  }
  void merge(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    sum_ += other.sum_;
    count_ += other.count_;
  }
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] Duration sum() const { return sum_; }
  [[nodiscard]] const std::array<uint64_t, kBuckets>& buckets() const { return counts_; }
  // The upper bound of bucket i, in seconds.
  [[nodiscard]] static double upper_bound_seconds(size_t i) { return static_cast<double>(uint64_t{1} << i) * 1e-6; }

 private:
  std::array<uint64_t, kBuckets> counts_{};
  Duration sum_{};
  uint64_t count_ = 0;
};

}  // namespace weir::broker
