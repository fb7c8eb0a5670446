#include "broker/controller/balancer.h"

#include "broker/controller/controller_fixture.h"
#include "broker/controller/partition_change.h"
#include "quorum/metadata_delta.h"

namespace weir::broker::testing {
namespace {

using quorum::ConfigResourceType;

constexpr uint64_t kMib = 1 << 20;
constexpr std::string_view kRate = "1000000";

// A balancer beside a controller that carries out what it decides.
class BalancerTest : public ControllerTest {
 protected:
  BalancerTest() {
    for (const int32_t id : {1, 2, 3}) add_broker(id);
    settings_ = {.enabled = true,
                 .moves_max = 2,
                 .throttle_bytes_per_second = 1'000'000,
                 .broker_failure = std::chrono::seconds(60)};
  }

  void create_spread(std::string_view topic, int32_t partitions) {
    protocol::CreateTopicsRequest request;
    request.topics.push_back({topic, -1, -1, {}, {}});
    for (int32_t i = 0; i < partitions; ++i) request.topics[0].assignments.push_back({i, {1 + i % 3, 1 + (i + 1) % 3}});
    ask(request);
  }

  void carry_out(const BalancerActions& actions) {
    protocol::IncrementalAlterConfigsRequest configs;
    for (const ThrottleEdit& edit : actions.throttles) {
      protocol::IncrementalAlterConfigsRequest one;
      auto& resource = one.resources.emplace_back();
      resource.resource_type = static_cast<int8_t>(edit.type);
      resource.resource_name = edit.resource;
      auto& config = resource.configs.emplace_back();
      config.name = edit.key;
      config.config_operation = static_cast<int8_t>(edit.operation);
      config.value = edit.value;
      EXPECT_EQ(ask(one).response.responses.at(0).error_code, 0) << edit.resource << " " << edit.key;
    }
    for (const Reassignment& one : actions.reassignments) {
      std::optional<std::vector<int32_t>> replicas;
      if (one.replicas) replicas = quorum::to_ints(*one.replicas);
      EXPECT_EQ(reassign(one.partition.topic, one.partition.index.value(), replicas), 0);
    }
  }
  int16_t reassign(std::string_view topic, int32_t index, const std::optional<std::vector<int32_t>>& replicas) {
    protocol::AlterPartitionReassignmentsRequest request;
    request.topics.push_back({topic, {{index, replicas}}});
    return ask(request).response.responses.at(0).partitions.at(0).error_code;
  }

  // All new replicas are in sync.
  void finish_moves() {
    std::vector<std::pair<std::string, int32_t>> moving;
    for (const auto& [name, topic] : controller_.image().topics_by_name) {
      for (size_t i = 0; i < topic->partitions.size(); ++i) {
        if (is_reassigned(*topic->partitions[i])) moving.emplace_back(name, static_cast<int32_t>(i));
      }
    }
    for (const auto& [topic, index] : moving) {
      const quorum::PartitionImage& now = partition(topic, index);
      protocol::AlterPartitionRequest request;
      request.broker_id = now.leader.value();
      request.broker_epoch = broker(now.leader.value()).epoch.value();
      protocol::AlterPartitionRequest::PartitionData data;
      data.partition_index = index;
      data.leader_epoch = now.leader_epoch.value();
      data.partition_epoch = now.partition_epoch.value();
      for (const NodeId id : now.replicas) {
        if (broker(id.value()).is_active())
          data.new_isr_with_epochs.push_back({id.value(), broker(id.value()).epoch.value()});
      }
      request.topics.push_back({controller_.image().topic(topic)->id, {data}});
      const int16_t error = ask(request).response.topics.at(0).partitions.at(0).error_code;
      EXPECT_TRUE(error == 0 || error == code(protocol::ErrorCode::kNewLeaderElected)) << error;
    }
  }

  BalancerActions look() {
    auto actions = balancer_.look(controller_.image(), settings_, context_.now);
    carry_out(actions);
    return actions;
  }
  // Plans, and begins what it may.
  BalancerActions begin() {
    const auto input = make_balance_input(controller_.image(), balancer_.gone(settings_, context_.now), loads());
    auto actions =
        balancer_.begin(controller_.image(), settings_, input, make_balance_plan(input, balancer_.options(settings_)));
    carry_out(actions);
    return actions;
  }
  // Until there is nothing to do.
  size_t run_to_the_end() {
    size_t rounds = 0;
    for (;;) {
      EXPECT_LT(++rounds, 100U);
      if (rounds > 100 || (look().empty() && (!balancer_.wants_plan(settings_) || begin().empty()))) return rounds;
      EXPECT_LE(balancer_.report().moving, settings_.moves_max);
      finish_moves();
    }
  }
  ClusterLoads loads() {
    ClusterLoads loads;
    for (const auto& [id, one] : controller_.image().brokers) loads.brokers[id] = {};
    for (const auto& [name, topic] : controller_.image().topics_by_name) {
      for (size_t i = 0; i < topic->partitions.size(); ++i) {
        for (const NodeId id : topic->partitions[i]->replicas)
          loads.brokers[id].sizes[{name, PartitionIndex(static_cast<int32_t>(i))}] = kMib;
      }
    }
    return loads;
  }
  size_t replicas_on(int32_t id) {
    size_t count = 0;
    for (const auto& [name, topic] : controller_.image().topics_by_name) {
      for (const auto& one : topic->partitions) count += one->has_replica(NodeId(id)) ? 1 : 0;
    }
    return count;
  }
  std::string config(ConfigResourceType type, std::string_view name, std::string_view key) {
    const auto& entries = controller_.image().config(type, name);
    const auto found = entries.find(key);
    return found == entries.end() ? "" : found->second;
  }
  void cordon(int32_t id) {
    auto request = heartbeat(id);
    request.cordoned_log_dirs = broker(id).directories;
    EXPECT_EQ(ask(request).response.error_code, 0);
  }
  void fence(int32_t id) { take(controller_.broker_ended(NodeId(id), broker(id).epoch)); }

  Balancer balancer_;
  BalancerSettings settings_;
};

TEST_F(BalancerTest, ABrokerThatJoinsIsFilledByFewMovesAtATimeAndThenItIsQuiet) {
  create_spread("t", 12);
  EXPECT_TRUE(look().empty());
  EXPECT_TRUE(begin().empty());
  EXPECT_EQ(balancer_.report().state, BalancerState::kBalanced);
  add_broker(4);
  EXPECT_GT(run_to_the_end(), 3U);
  EXPECT_EQ(replicas_on(4), 6U);
  EXPECT_EQ(balancer_.report().moves, 6U);
  EXPECT_EQ(balancer_.report().moved_bytes, 6 * kMib);
  EXPECT_EQ(balancer_.report().state, BalancerState::kBalanced);
}

TEST_F(BalancerTest, WhatMovesIsThrottledAsLongAsItDoes) {
  create_spread("t", 6);
  add_broker(4);
  look();
  EXPECT_FALSE(begin().empty());
  EXPECT_EQ(balancer_.report().state, BalancerState::kMoving);
  EXPECT_EQ(config(ConfigResourceType::kBroker, "4", "follower.replication.throttled.rate"), kRate);
  EXPECT_EQ(config(ConfigResourceType::kBroker, "1", "leader.replication.throttled.rate"), kRate);
  EXPECT_NE(config(ConfigResourceType::kTopic, "t", "follower.replication.throttled.replicas").find(":4"),
            std::string::npos);
  EXPECT_NE(config(ConfigResourceType::kTopic, "t", "leader.replication.throttled.replicas"), "");
  finish_moves();
  run_to_the_end();
  for (const std::string_view id : {"1", "2", "3", "4"}) {
    EXPECT_TRUE(controller_.image().config(ConfigResourceType::kBroker, id).empty());
  }
  EXPECT_TRUE(controller_.image().config(ConfigResourceType::kTopic, "t").empty());
}

TEST_F(BalancerTest, AnOperatorsThrottlesStay) {
  create_spread("t", 6);
  create_spread("other", 3);
  carry_out(
      {.throttles = {
           {ConfigResourceType::kBroker, "1", "leader.replication.throttled.rate", ConfigOperation::kSet, "7"},
           {ConfigResourceType::kTopic, "other", "leader.replication.throttled.replicas", ConfigOperation::kSet, "0:1"},
           {ConfigResourceType::kTopic, "t", "leader.replication.throttled.replicas", ConfigOperation::kSet, "*"}}});
  settings_.moves_max = 1;
  add_broker(4);
  look();
  const auto begun = begin();
  ASSERT_EQ(begun.steps.size(), 1U);
  EXPECT_EQ(config(ConfigResourceType::kBroker, "1", "leader.replication.throttled.rate"), "7");
  EXPECT_EQ(config(ConfigResourceType::kTopic, "t", "leader.replication.throttled.replicas"), "*");
  settings_.enabled = false;
  finish_moves();
  run_to_the_end();
  EXPECT_EQ(config(ConfigResourceType::kBroker, "1", "leader.replication.throttled.rate"), "7");
  EXPECT_EQ(config(ConfigResourceType::kTopic, "t", "leader.replication.throttled.replicas"), "*");
  EXPECT_EQ(config(ConfigResourceType::kTopic, "other", "leader.replication.throttled.replicas"), "0:1");
  EXPECT_EQ(config(ConfigResourceType::kBroker, "4", "follower.replication.throttled.rate"), "");
}

TEST_F(BalancerTest, AControllerThatTakesOverFinishesWhatItFindsAndTakesItsThrottlesAway) {
  create_spread("t", 12);
  add_broker(4);
  look();
  begin();
  balancer_.begin_term();
  EXPECT_TRUE(look().empty());
  EXPECT_FALSE(balancer_.wants_plan(settings_)) << "it does not know who began them";
  EXPECT_EQ(balancer_.report().state, BalancerState::kWaiting);
  finish_moves();
  EXPECT_FALSE(look().throttles.empty());
  EXPECT_TRUE(controller_.image().config(ConfigResourceType::kTopic, "t").empty());
  run_to_the_end();
  EXPECT_EQ(replicas_on(4), 6U);
}

TEST_F(BalancerTest, NothingBeginsWhileSomebodyElseReassigns) {
  create_spread("t", 12);
  add_broker(4);
  EXPECT_EQ(reassign("t", 0, std::vector<int32_t>{3, 2}), 0);
  look();
  EXPECT_FALSE(balancer_.wants_plan(settings_));
  EXPECT_TRUE(begin().empty()) << "nor when it was asked for before";
  EXPECT_EQ(balancer_.report().state, BalancerState::kWaiting);
  finish_moves();
  run_to_the_end();
  EXPECT_EQ(replicas_on(4), 6U);
}

TEST_F(BalancerTest, AMoveWhoseDestinationIsFencedIsGivenUp) {
  create_spread("t", 12);
  add_broker(4);
  look();
  begin();
  EXPECT_EQ(balancer_.report().moving, 2U);
  fence(4);
  EXPECT_EQ(look().reassignments.size(), 2U);
  look();
  EXPECT_EQ(replicas_on(4), 0U);
  EXPECT_EQ(balancer_.report().given_up, 2U);
  EXPECT_EQ(balancer_.report().moving, 0U);
}

TEST_F(BalancerTest, ABrokerAllOfWhoseDirectoriesAreCordonedIsEmptied) {
  add_broker(4);
  create_spread("t", 12);
  run_to_the_end();
  ASSERT_EQ(replicas_on(4), 6U);
  cordon(4);
  run_to_the_end();
  EXPECT_EQ(replicas_on(4), 0U);
  EXPECT_EQ(balancer_.report().blocked, 0U);
}

TEST_F(BalancerTest, WhatCannotLeaveItsBrokerIsBlocked) {
  protocol::CreateTopicsRequest request;
  request.topics.push_back({"t", 2, 3, {}, {}});
  ask(request);
  cordon(3);
  look();
  EXPECT_TRUE(begin().empty());
  EXPECT_EQ(balancer_.report().state, BalancerState::kBlocked);
  EXPECT_EQ(balancer_.report().blocked, 2U);
}

TEST_F(BalancerTest, ABrokerThatStaysFencedIsReplacedAfterAWhileAndNothingElseMovesMeanwhile) {
  create_spread("t", 12);
  add_broker(4);
  fence(3);
  look();
  EXPECT_TRUE(begin().empty());
  EXPECT_EQ(balancer_.report().state, BalancerState::kWaiting);
  context_.now += std::chrono::seconds(59);
  look();
  EXPECT_TRUE(begin().empty());
  context_.now += std::chrono::seconds(1);
  run_to_the_end();
  EXPECT_EQ(replicas_on(3), 0U);
  EXPECT_GE(replicas_on(4), 7U);
}

TEST_F(BalancerTest, ABrokerThatComesBackInTimeKeepsItsReplicas) {
  create_spread("t", 12);
  fence(3);
  look();
  context_.now += std::chrono::seconds(59);
  EXPECT_FALSE(ask(heartbeat(3)).response.is_fenced);
  look();
  context_.now += std::chrono::seconds(59);
  look();
  EXPECT_TRUE(balancer_.gone(settings_, context_.now).empty());
}

TEST_F(BalancerTest, LeadersMoveAtOnceAndWithoutThrottles) {
  protocol::CreateTopicsRequest request;
  request.topics.push_back({"t", -1, -1, {}, {}});
  for (int32_t i = 0; i < 6; ++i) request.topics[0].assignments.push_back({i, {1, 2, 3}});
  ask(request);
  look();
  const auto actions = begin();
  EXPECT_TRUE(actions.throttles.empty());
  EXPECT_EQ(actions.elections.size(), 4U);
  EXPECT_EQ(balancer_.report().leader_moves, 4U);
  for (const int32_t id : {1, 2, 3}) {
    size_t led = 0;
    for (int32_t i = 0; i < 6; ++i) led += partition("t", i).replicas.front() == NodeId(id) ? 1 : 0;
    EXPECT_EQ(led, 2U);
  }
}

TEST_F(BalancerTest, DoesNothingUnlessItIsEnabled) {
  create_spread("t", 12);
  add_broker(4);
  settings_.enabled = false;
  EXPECT_TRUE(look().empty());
  EXPECT_FALSE(balancer_.wants_plan(settings_));
  EXPECT_EQ(balancer_.report().state, BalancerState::kOff);
}

TEST(TrafficMeter, MeasuresWhatIsAppendedAndPassesOverRetention) {
  TrafficMeter meter;
  const storage::TopicPartition partition{"t", PartitionIndex(0)};
  MonotonicTime now{};
  meter.observe(partition, 1000, now);
  EXPECT_EQ(meter.rate(partition), 0) << "one look tells nothing";
  now += std::chrono::seconds(10);
  meter.observe(partition, 6000, now);
  EXPECT_DOUBLE_EQ(meter.rate(partition), 500);
  now += std::chrono::seconds(10);
  meter.observe(partition, 10, now);
  EXPECT_DOUBLE_EQ(meter.rate(partition), 500) << "a segment was deleted";
  for (int i = 0; i < 1000; ++i) meter.observe(partition, 10, now += std::chrono::seconds(10));
  EXPECT_LT(meter.rate(partition), 1);
  meter.forget_before(now + std::chrono::seconds(1));
  EXPECT_EQ(meter.rate(partition), 0);
}

}  // namespace
}  // namespace weir::broker::testing
