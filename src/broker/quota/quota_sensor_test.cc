#include "broker/quota/quota_sensor.h"

#include <gtest/gtest.h>

#include "broker/quota/quota_ledger.h"

namespace weir::broker {
namespace {

constexpr QuotaWindows kWindows{.count = 11, .size = seconds(1)};
// Some time after the clock began.
constexpr MonotonicTime kStart{std::chrono::hours(5)};
constexpr std::chrono::milliseconds kNone{0};

TEST(SampledRate, ABurstThatFitsIntoAllWindowsButOneIsNotThrottled) {
  SampledRate rate;
  rate.record(1000, kStart, kWindows);
  EXPECT_EQ(rate.excess(100, kStart, kWindows), kNone);
  rate.record(1, kStart, kWindows);
  // 1001 in 10 s is 0.1% too fast.
  EXPECT_EQ(rate.excess(100, kStart, kWindows), milliseconds(10));
}

// The numbers are those of Kafka's own test of its quotas.
TEST(SampledRate, ThrottleTimesAreKafkas) {
  SampledRate rate;
  MonotonicTime now = kStart;
  for (int i = 0; i < 10; ++i) {
    rate.record(400, now, kWindows);
    EXPECT_EQ(rate.excess(500, now, kWindows), kNone);
    now += seconds(1);
  }
  now += milliseconds(500);
  rate.record(2300, now, kWindows);
  // 6300 in 10.5 s are 600 a second; in 2.1 s more they are 500.
  EXPECT_EQ(rate.excess(500, now, kWindows), milliseconds(2100));
  now += milliseconds(2100);
  for (int i = 0; i < 10; ++i) {
    rate.record(400, now, kWindows);
    now += seconds(1);
  }
  EXPECT_EQ(rate.excess(500, now, kWindows), kNone);
}

TEST(SampledRate, WhatIsOlderThanAllWindowsIsForgotten) {
  SampledRate rate;
  rate.record(1'000'000, kStart, kWindows);
  EXPECT_GT(rate.excess(1, kStart, kWindows), kNone);
  EXPECT_EQ(rate.excess(1, kStart + seconds(11), kWindows), kNone);
}

TEST(SampledRate, AThrottleTimeFitsIntoItsField) {
  SampledRate rate;
  rate.record(1e18, kStart, kWindows);
  EXPECT_EQ(rate.excess(1, kStart, kWindows), milliseconds(INT32_MAX));
}

TEST(TokenBucket, IsFullAtFirstAndFillsUpAgain) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.tokens(10, kStart, kWindows), 110);
  bucket.take(150, 10, kStart, kWindows);
  EXPECT_EQ(bucket.debt(10, kStart, kWindows), seconds(4));
  EXPECT_EQ(bucket.debt(10, kStart + seconds(3), kWindows), seconds(1));
  EXPECT_EQ(bucket.debt(10, kStart + seconds(4), kWindows), kNone);
  EXPECT_EQ(bucket.tokens(10, kStart + std::chrono::hours(1), kWindows), 110);
}

QuotaLimit limit_of(QuotaKind kind, double bound, std::string user = "alice") {
  return {bound, {kind, std::move(user), ""}};
}

TEST(QuotaLedger, ChargesThatAreTakenBackDoNotCount) {
  QuotaLedger ledger(kWindows);
  const QuotaLimit limit = limit_of(QuotaKind::kFetch, 100);
  EXPECT_EQ(ledger.charge(limit, 600, OverLimit::kIsTakenBack, kStart), kNone);
  EXPECT_EQ(ledger.charge(limit, 600, OverLimit::kIsTakenBack, kStart), seconds(2));
  EXPECT_EQ(ledger.charge(limit, 400, OverLimit::kIsTakenBack, kStart), kNone);
  EXPECT_EQ(ledger.charge(limit, 1, OverLimit::kCounts, kStart), milliseconds(10));
}

TEST(QuotaLedger, ThrottlingByTimeAndByConnectionsTakesAtMostAWindow) {
  QuotaLedger ledger(kWindows);
  for (const QuotaKind kind : {QuotaKind::kRequest, QuotaKind::kConnection}) {
    EXPECT_EQ(ledger.charge(limit_of(kind, 1), 1000, OverLimit::kCounts, kStart), seconds(1));
  }
}

TEST(QuotaLedger, EachKeyHasItsOwnUsage) {
  QuotaLedger ledger(kWindows);
  EXPECT_GT(ledger.charge(limit_of(QuotaKind::kProduce, 1, "alice"), 1000, OverLimit::kCounts, kStart), kNone);
  EXPECT_EQ(ledger.charge(limit_of(QuotaKind::kProduce, 1, "bob"), 1, OverLimit::kCounts, kStart), kNone);
  EXPECT_EQ(ledger.charge(limit_of(QuotaKind::kFetch, 1, "alice"), 1, OverLimit::kCounts, kStart), kNone);
}

TEST(QuotaLedger, ForgetsThoseThatWereIdleForAnHour) {
  QuotaLedger ledger(kWindows);
  ledger.charge(limit_of(QuotaKind::kProduce, 1, "alice"), 1, OverLimit::kCounts, kStart);
  ledger.charge(limit_of(QuotaKind::kProduce, 1, "bob"), 1, OverLimit::kCounts, kStart + std::chrono::minutes(30));
  EXPECT_EQ(ledger.size(), 2U);
  ledger.charge(limit_of(QuotaKind::kProduce, 1, "bob"), 1, OverLimit::kCounts, kStart + std::chrono::minutes(61));
  EXPECT_EQ(ledger.size(), 1U);
}

// Whoever makes up client ids must not fill the memory.
TEST(QuotaLedger, KeepsSoManySensorsAndNoMore) {
  QuotaLedger ledger(kWindows);
  for (size_t i = 0; i < SensorCache<SampledRate>::kSensorsMax + 10; ++i) {
    ledger.charge(limit_of(QuotaKind::kProduce, 1, std::to_string(i)), 1, OverLimit::kCounts, kStart);
  }
  EXPECT_EQ(ledger.size(), SensorCache<SampledRate>::kSensorsMax);
}

}  // namespace
}  // namespace weir::broker
