#include "broker/copy_throttle.h"

#include <gtest/gtest.h>

namespace weir::broker {
namespace {

constexpr MonotonicTime kStart{seconds(1000)};

TEST(CopyThrottle, LetsEverythingThroughWithoutALimit) {
  CopyThrottle throttle;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(throttle.take(size_t{1} << 30, kStart), Duration(0));
}

TEST(CopyThrottle, CopiesNoMoreThanTheRateOverTime) {
  CopyThrottle throttle;
  throttle.set_rate(1000);
  size_t copied = 0;
  MonotonicTime now = kStart;
  while (now < kStart + seconds(60)) {
    const Duration wait = throttle.take(500, now);
    if (wait == Duration(0)) copied += 500;
    now += wait;
  }
  EXPECT_EQ(copied, 60'000U);
}

TEST(CopyThrottle, AChunkAboveTheRateGoesAndIsPaidForByTheNext) {
  CopyThrottle throttle;
  throttle.set_rate(10);
  EXPECT_EQ(throttle.take(100, kStart), Duration(0));
  EXPECT_GT(throttle.take(100, kStart + seconds(9)), Duration(0));
  EXPECT_EQ(throttle.take(100, kStart + seconds(10)), Duration(0));
}

TEST(CopyThrottle, AnotherRateCountsFromTheNextLook) {
  CopyThrottle throttle;
  throttle.set_rate(0);
  EXPECT_EQ(throttle.take(1, kStart), CopyThrottle::kLook);
  throttle.set_rate(INT64_MAX);
  EXPECT_EQ(throttle.take(1, kStart), Duration(0));
}

}  // namespace
}  // namespace weir::broker
