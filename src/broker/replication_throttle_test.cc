#include "broker/replication_throttle.h"

#include <gtest/gtest.h>

namespace weir::broker {
namespace {

constexpr MonotonicTime kStart{seconds(1000)};

// What goes in a minute, in answers of `size` bytes.
uint64_t copied_in_a_minute(ReplicationThrottle& throttle, uint64_t size) {
  uint64_t copied = 0;
  for (MonotonicTime now = kStart; now < kStart + seconds(60);) {
    const Duration wait = throttle.wait(now);
    EXPECT_LE(wait, ReplicationThrottle::kLook);
    if (wait == Duration::zero()) {
      throttle.record(size, now);
      copied += size;
    }
    now += wait;
  }
  return copied;
}

TEST(ReplicationThrottle, LetsEverythingThroughWithoutALimit) {
  ReplicationThrottle throttle;
  throttle.record(uint64_t{1} << 40, kStart);
  EXPECT_EQ(throttle.wait(kStart), Duration::zero());
}

TEST(ReplicationThrottle, CopiesNoMoreThanTheRateOverTime) {
  ReplicationThrottle throttle;
  throttle.set_rate(1000);
  EXPECT_EQ(copied_in_a_minute(throttle, 500), 60'000U);
}

TEST(ReplicationThrottle, AnAnswerAboveTheRateGoesAndIsPaidForByTheNext) {
  ReplicationThrottle throttle;
  throttle.set_rate(10);
  EXPECT_EQ(copied_in_a_minute(throttle, 200), 600U);
}

TEST(ReplicationThrottle, TwoShardsShareTheRate) {
  ReplicationThrottle throttle;
  throttle.set_rate(1000);
  // Both looked before either had recorded what it took.
  throttle.record(1000, kStart);
  throttle.record(1000, kStart);
  EXPECT_GT(throttle.wait(kStart + milliseconds(1999)), Duration::zero());
  EXPECT_EQ(throttle.wait(kStart + seconds(2)), Duration::zero());
}

TEST(ReplicationThrottle, TimeInWhichNothingWasCopiedIsNotMadeUpFor) {
  ReplicationThrottle throttle;
  throttle.set_rate(1000);
  throttle.record(1000, kStart);
  throttle.record(1000, kStart + seconds(100));
  EXPECT_GT(throttle.wait(kStart + milliseconds(100'999)), Duration::zero());
}

TEST(ReplicationThrottle, AnotherRateHoldsAtOnce) {
  ReplicationThrottle throttle;
  throttle.set_rate(1);
  throttle.record(1'000'000, kStart);
  EXPECT_GT(throttle.wait(kStart), Duration::zero());
  throttle.set_rate(1'000'000);
  EXPECT_EQ(throttle.wait(kStart), Duration::zero());
  throttle.set_rate(0);
  EXPECT_EQ(throttle.wait(kStart + seconds(1'000'000)), ReplicationThrottle::kLook);
}

TEST(ReplicationThrottle, RatesComeFromTheSettingsOfTheBroker) {
  ReplicationThrottles throttles;
  throttles.configure({.dynamic_broker = {{"leader.replication.throttled.rate", "1000"}},
                       .dynamic_cluster = {{"follower.replication.throttled.rate", "500"}},
                       .static_broker = {}});
  EXPECT_EQ(copied_in_a_minute(throttles.leader, 100), 60'000U);
  EXPECT_EQ(copied_in_a_minute(throttles.follower, 100), 30'000U);
  throttles.configure({});
  throttles.leader.record(uint64_t{1} << 40, kStart);
  EXPECT_EQ(throttles.leader.wait(kStart), Duration::zero());
}

}  // namespace
}  // namespace weir::broker
