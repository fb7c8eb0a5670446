// Latencies in logarithmic buckets of 1.6 % width: fixed memory, whatever the values. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace weir::bench {

class Histogram {
 public:
  void add(int64_t nanoseconds);
  int64_t count() const { return count_; }
  // The greatest value of the bucket that holds the given fraction (0..1) of all values; 0 if there are none.
  int64_t percentile(double fraction) const;
  // {"count": ..., "p50_us": ..., "p99_us": ..., "p999_us": ..., "max_us": ...}
  std::string json() const;

 private:
  static constexpr int kSubBits = 6;
  static constexpr int kSubBuckets = 1 << kSubBits;

  std::array<int64_t, 64 * kSubBuckets> buckets_{};
  int64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace weir::bench
