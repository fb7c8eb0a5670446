#include "broker/telemetry/telemetry_instances.h"

#include <gtest/gtest.h>

namespace weir::broker {
namespace {

constexpr MonotonicTime kStart{std::chrono::hours(5)};
constexpr Uuid kClient{7, 1000};

ConfigMap settings(std::string metrics, std::string interval, std::string match = "") {
  ConfigMap map{{"metrics", std::move(metrics)}, {"interval.ms", std::move(interval)}};
  if (!match.empty()) map["match"] = std::move(match);
  return map;
}

class TelemetryInstancesTest : public ::testing::Test {
 protected:
  TelemetryInstancesTest() { subscribe_to({settings("org.apache.kafka.producer.", "1000")}); }

  void subscribe_to(const std::vector<ConfigMap>& all) {
    std::vector<ClientMetricsSubscription> made;
    for (const ConfigMap& one : all) made.push_back(ClientMetricsSubscription::make(one).value());
    instances_.set_subscriptions(std::move(made));
  }
  std::optional<TelemetrySubscription> subscribe() { return instances_.subscribe(client_, now_); }
  PushVerdict push(int32_t subscription, bool terminating = false) {
    return instances_.push(client_, {.subscription_id = subscription, .is_terminating = terminating, .size_bytes = 10},
                           now_);
  }

  ClientAttributes client_{.instance_id = kClient, .client_id = "app", .software_name = "apache-kafka-java"};
  MonotonicTime now_ = kStart;
  TelemetryInstances instances_{3, 100};
};

TEST_F(TelemetryInstancesTest, AClientPushesAtOnceAfterItSubscribedAndThenOncePerInterval) {
  const auto subscription = subscribe();
  ASSERT_TRUE(subscription.has_value());
  EXPECT_EQ(subscription->metrics, std::vector<std::string>{"org.apache.kafka.producer."});
  EXPECT_EQ(subscription->push_interval, seconds(1));
  EXPECT_EQ(push(subscription->id), PushVerdict::kAccepted);
  EXPECT_EQ(push(subscription->id), PushVerdict::kTooEarly);
  now_ += seconds(1);
  EXPECT_EQ(push(subscription->id), PushVerdict::kAccepted);
}

TEST_F(TelemetryInstancesTest, AClientThatSubscribesAgainTooEarlyIsThrottled) {
  EXPECT_TRUE(subscribe().has_value());
  EXPECT_FALSE(subscribe().has_value());
  now_ += seconds(1);
  EXPECT_TRUE(subscribe().has_value());
}

TEST_F(TelemetryInstancesTest, ALastPushMayComeEarlyAndNothingComesAfterIt) {
  const int32_t id = subscribe()->id;
  EXPECT_EQ(push(id), PushVerdict::kAccepted);
  EXPECT_EQ(push(id, true), PushVerdict::kAccepted);
  now_ += seconds(5);
  EXPECT_EQ(push(id), PushVerdict::kInvalid);
  EXPECT_EQ(push(id, true), PushVerdict::kInvalid);
}

TEST_F(TelemetryInstancesTest, ANewSubscriptionIsLearnedThroughTheOldOnesRefusal) {
  const int32_t before = subscribe()->id;
  EXPECT_EQ(push(before), PushVerdict::kAccepted);
  subscribe_to({settings("*", "500")});
  EXPECT_EQ(push(before), PushVerdict::kUnknownSubscription);
  const auto after = subscribe();
  ASSERT_TRUE(after.has_value()) << "it asks at once, as it was told to";
  EXPECT_NE(after->id, before);
  EXPECT_EQ(push(after->id), PushVerdict::kAccepted);
}

TEST_F(TelemetryInstancesTest, TheIdIsTheSameForTheSameClientAndMetrics) {
  const int32_t id = subscribe()->id;
  TelemetryInstances other{3, 100};
  std::vector<ClientMetricsSubscription> subscriptions;
  subscriptions.push_back(ClientMetricsSubscription::make(settings("org.apache.kafka.producer.", "1000")).value());
  other.set_subscriptions(std::move(subscriptions));
  EXPECT_EQ(other.subscribe(client_, now_)->id, id);
}

TEST_F(TelemetryInstancesTest, PushesThatAreTooLargeOrOfAnUnknownCodecAreRefused) {
  const int32_t id = subscribe()->id;
  EXPECT_EQ(instances_.push(client_, {.subscription_id = id, .size_bytes = 101}, now_), PushVerdict::kTooLarge);
  now_ += seconds(1);
  EXPECT_EQ(instances_.push(client_, {.subscription_id = id, .is_known_compression = false}, now_),
            PushVerdict::kUnknownCompression);
}

TEST_F(TelemetryInstancesTest, SubscriptionsThatMatchAreJoinedAndTheShortestIntervalHolds) {
  subscribe_to({settings("a.,b.", "1000", "client_id=app"), settings("b.,c.", "400", "client_software_name=apache.*"),
                settings("d.", "100", "client_id=ap"), settings("e.", "100", "client_id=app,client_source_port=1")});
  const auto subscription = subscribe();
  EXPECT_EQ(subscription->metrics, (std::vector<std::string>{"a.", "b.", "c."}));
  EXPECT_EQ(subscription->push_interval, milliseconds(400));
  subscribe_to({settings("a.", "1000"), settings("*", "1000")});
  EXPECT_EQ(subscribe()->metrics, std::vector<std::string>{"*"});
}

TEST_F(TelemetryInstancesTest, WithoutASubscriptionNothingIsAskedFor) {
  subscribe_to({});
  EXPECT_TRUE(subscribe()->metrics.empty());
  EXPECT_FALSE(subscribe().has_value());
}

TEST_F(TelemetryInstancesTest, IdleInstancesAreForgottenAndMakeRoom) {
  subscribe();
  for (uint64_t i = 1; i <= 3; ++i) {
    now_ += seconds(1);
    instances_.subscribe({.instance_id = Uuid(7, 1000 + i)}, now_);
  }
  EXPECT_EQ(instances_.size(), 3U);
  EXPECT_EQ(instances_.expire(now_), std::vector<Uuid>{kClient});
  EXPECT_EQ(instances_.expire(now_ + seconds(60)).size(), 3U);
  EXPECT_EQ(instances_.size(), 0U);
}

TEST(ClientMetricsSubscription, SettingsThatMeanNothingAreRefused) {
  for (const ConfigMap& bad : std::vector<ConfigMap>{{{"interval.ms", "99"}},
                                                     {{"interval.ms", "3600001"}},
                                                     {{"interval.ms", "soon"}},
                                                     {{"match", "client_id"}},
                                                     {{"match", "planet=earth"}},
                                                     {{"match", "client_id=["}},
                                                     {{"match", "client_id=a=b"}},
                                                     {{"color", "red"}}}) {
    EXPECT_FALSE(ClientMetricsSubscription::make(bad).has_value()) << bad.begin()->second;
  }
  EXPECT_TRUE(ClientMetricsSubscription::make({{"match", "client_instance_id = .*"}}).has_value());
}

}  // namespace
}  // namespace weir::broker
