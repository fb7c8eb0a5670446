#include "histogram.h"

#include <algorithm>
#include <bit>
#include <cstdio>

namespace weir::bench {

void Histogram::add(int64_t nanoseconds) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(nanoseconds, 0));
  // The leading one bit names the octave; the next six bits the bucket in it. Values below 64 have a bucket each.
  const int octave = value < kSubBuckets ? 0 : std::bit_width(value) - kSubBits;
  const uint64_t index = static_cast<uint64_t>(octave) * kSubBuckets + ((value >> octave) % kSubBuckets);
  ++buckets_[index];
  ++count_;
  max_ = std::max(max_, nanoseconds);
}

int64_t Histogram::percentile(double fraction) const {
  const auto wanted = std::max<int64_t>(1, static_cast<int64_t>(fraction * static_cast<double>(count_) + 0.999999));
  int64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) {
      const auto octave = static_cast<int>(i / kSubBuckets);
      const auto sub = static_cast<int64_t>(i % kSubBuckets);
      return std::min(max_, ((sub + 1) << octave) - 1);
    }
  }
  return 0;
}

std::string Histogram::json() const {
  const auto us = [](int64_t ns) { return static_cast<double>(ns) / 1000; };
  char text[256];
  std::snprintf(
      text, sizeof text, R"({"count": %lld, "p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f, "max_us": %.1f})",
      static_cast<long long>(count_), us(percentile(0.5)), us(percentile(0.99)), us(percentile(0.999)), us(max_));
  return text;
}

}  // namespace weir::bench
