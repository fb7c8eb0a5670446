#include "broker/balance/balance_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace weir::broker {
namespace {

constexpr uint64_t kGib = uint64_t{1} << 30;

std::vector<NodeId> nodes(std::initializer_list<int32_t> ids) {
  std::vector<NodeId> result;
  for (const int32_t id : ids) result.emplace_back(id);
  return result;
}

BalanceInput cluster(int32_t brokers) {
  BalanceInput input;
  for (int32_t id = 1; id <= brokers; ++id) input.brokers.push_back({.id = NodeId(id)});
  return input;
}

void add_partition(BalanceInput& input, std::initializer_list<int32_t> replicas, uint64_t bytes = 0, double rate = 0) {
  input.partitions.push_back({.topic = "t",
                              .index = PartitionIndex(static_cast<int32_t>(input.partitions.size())),
                              .replicas = nodes(replicas),
                              .bytes = bytes,
                              .bytes_per_second = rate});
}

BalanceBroker& broker(BalanceInput& input, NodeId id) {
  return *std::ranges::find(input.brokers, id, &BalanceBroker::id);
}

// The cluster after a step.
void apply(BalanceInput& input, const BalanceStep& step) {
  BalancePartition& partition = input.partitions[step.partition];
  ASSERT_EQ(partition.replicas, step.before);
  partition.replicas = step.after;
  if (step.moves_leader) return;
  if (const auto from = std::ranges::find(input.brokers, step.from, &BalanceBroker::id); from != input.brokers.end()) {
    from->free_bytes += step.bytes;
  }
  broker(input, step.to).free_bytes -= step.bytes;
}

BalancePlan plan_of(const BalanceInput& input, double threshold = 0.1) {
  return make_balance_plan(input, {.threshold = threshold, .steps_max = 100000});
}

double load_after(const BalancePlan& plan, int32_t id, BalanceGoal goal) {
  return std::ranges::find(plan.brokers, NodeId(id), &BrokerBalance::id)->after[static_cast<size_t>(goal)];
}

TEST(BalancePlan, NothingMovesInAClusterThatIsBalanced) {
  auto input = cluster(3);
  for (int i = 0; i < 4; ++i) {
    add_partition(input, {1, 2}, kGib);
    add_partition(input, {2, 3}, kGib);
    add_partition(input, {3, 1}, kGib);
  }
  EXPECT_TRUE(plan_of(input).steps.empty());
  EXPECT_TRUE(make_balance_plan({}, {}).steps.empty()) << "nor in one that is empty";
}

TEST(BalancePlan, ABrokerThatJoinsGetsItsShareOfReplicasLeadersAndBytes) {
  auto input = cluster(4);
  for (int i = 0; i < 4; ++i) {
    add_partition(input, {1, 2}, kGib);
    add_partition(input, {2, 3}, kGib);
    add_partition(input, {3, 1}, kGib);
  }
  const auto plan = plan_of(input);
  EXPECT_EQ(load_after(plan, 4, BalanceGoal::kReplicas), 6);
  EXPECT_EQ(load_after(plan, 4, BalanceGoal::kDisk), 6.0 * kGib);
  EXPECT_EQ(load_after(plan, 4, BalanceGoal::kLeaders), 3);
  size_t moves = 0;
  for (const auto& step : plan.steps) moves += step.moves_leader ? 0 : 1;
  EXPECT_EQ(moves, 6U) << "no more is copied than the new broker gets";
}

TEST(BalancePlan, LeadersMoveWithoutCopyingAnything) {
  auto input = cluster(3);
  for (int i = 0; i < 6; ++i) add_partition(input, {1, 2, 3}, kGib);
  const auto plan = plan_of(input);
  EXPECT_EQ(plan.steps.size(), 4U);
  for (const auto& step : plan.steps) {
    EXPECT_TRUE(step.moves_leader);
    EXPECT_EQ(step.bytes, 0U);
    EXPECT_EQ(step.from, NodeId(1));
    EXPECT_EQ(reason_text(step.reason), "leaders");
  }
  for (const int32_t id : {1, 2, 3}) EXPECT_EQ(load_after(plan, id, BalanceGoal::kLeaders), 2);
}

TEST(BalancePlan, AHotPartitionKeepsItsBrokerAndOthersLeaveIt) {
  auto input = cluster(2);
  add_partition(input, {1}, kGib, 100e6);
  for (int i = 0; i < 2; ++i) add_partition(input, {1}, kGib, 20e6);
  for (int i = 0; i < 3; ++i) add_partition(input, {2}, kGib, 1e6);
  const auto plan = plan_of(input);
  EXPECT_LT(load_after(plan, 1, BalanceGoal::kTraffic), 125e6);
  EXPECT_EQ(load_after(plan, 1, BalanceGoal::kReplicas), 3) << "what is quiet takes their place";
}

TEST(BalancePlan, EverythingLeavesABrokerThatGoesAndNothingMovesToIt) {
  auto input = cluster(4);
  for (int i = 0; i < 3; ++i) {
    add_partition(input, {1, 2}, kGib);
    add_partition(input, {2, 3}, kGib);
    add_partition(input, {4, 1}, kGib);
  }
  broker(input, NodeId(4)).role = BrokerRole::kLeaving;
  const auto plan = plan_of(input);
  EXPECT_EQ(load_after(plan, 4, BalanceGoal::kReplicas), 0);
  EXPECT_EQ(plan.steps.front().reason, StepReason::kLeaving);
  EXPECT_TRUE(plan.blocked.empty());
}

TEST(BalancePlan, WhatABrokerHeldThatIsNotRegisteredIsMadeAnew) {
  auto input = cluster(3);
  add_partition(input, {9, 1}, kGib);
  const auto plan = plan_of(input);
  ASSERT_FALSE(plan.steps.empty());
  EXPECT_EQ(plan.steps[0].reason, StepReason::kGone);
  EXPECT_EQ(plan.steps[0].from, NodeId(9));
}

TEST(BalancePlan, WhileABrokerIsAwayOnlyWhatIsGoneIsReplaced) {
  auto input = cluster(5);
  for (int i = 0; i < 8; ++i) add_partition(input, {1, 2}, kGib);
  add_partition(input, {5, 1}, kGib);
  add_partition(input, {4, 1}, kGib);
  broker(input, NodeId(4)).role = BrokerRole::kAway;
  broker(input, NodeId(5)).role = BrokerRole::kGone;
  broker(input, NodeId(2)).role = BrokerRole::kLeaving;
  const auto plan = plan_of(input);
  ASSERT_EQ(plan.steps.size(), 1U);
  EXPECT_EQ(plan.steps[0].reason, StepReason::kGone);
  EXPECT_EQ(plan.waits_for, nodes({4}));
}

TEST(BalancePlan, ABrokerThatIsAwayAndHoldsNothingHoldsNothingUp) {
  auto input = cluster(3);
  for (int i = 0; i < 8; ++i) add_partition(input, {1}, kGib);
  broker(input, NodeId(3)).role = BrokerRole::kAway;
  const auto plan = plan_of(input);
  EXPECT_TRUE(plan.waits_for.empty());
  EXPECT_EQ(load_after(plan, 2, BalanceGoal::kReplicas), 4);
  EXPECT_EQ(load_after(plan, 3, BalanceGoal::kReplicas), 0);
}

TEST(BalancePlan, AReplicaStaysWhereItIsTheOnlyOneOfItsRack) {
  auto input = cluster(3);
  broker(input, NodeId(1)).rack = "a";
  broker(input, NodeId(2)).rack = "a";
  broker(input, NodeId(3)).rack = "b";
  broker(input, NodeId(3)).role = BrokerRole::kLeaving;
  add_partition(input, {1, 3}, kGib);
  const auto plan = plan_of(input);
  EXPECT_TRUE(plan.steps.empty());
  ASSERT_EQ(plan.blocked.size(), 1U);
  EXPECT_EQ(plan.blocked[0].broker, NodeId(3));
  EXPECT_NE(plan.blocked[0].why.find("fewer racks"), std::string_view::npos);
}

TEST(BalancePlan, ARackThatIsNewGetsAReplicaOfEachPartition) {
  auto input = cluster(3);
  broker(input, NodeId(1)).rack = broker(input, NodeId(2)).rack = "a";
  broker(input, NodeId(3)).rack = "b";
  for (int i = 0; i < 4; ++i) add_partition(input, {1, 2}, kGib);
  const auto plan = plan_of(input);
  EXPECT_EQ(load_after(plan, 3, BalanceGoal::kReplicas), 4);
  EXPECT_EQ(plan.steps[0].reason, StepReason::kRack);
}

TEST(BalancePlan, NothingMovesToABrokerWithoutRoom) {
  auto input = cluster(3);
  for (auto& one : input.brokers) one.capacity_bytes = one.free_bytes = 100 * kGib;
  broker(input, NodeId(3)).free_bytes = 12 * kGib;
  add_partition(input, {1}, 5 * kGib);
  broker(input, NodeId(1)).role = BrokerRole::kLeaving;
  broker(input, NodeId(2)).free_bytes = 10 * kGib;
  auto plan = plan_of(input);
  ASSERT_EQ(plan.blocked.size(), 1U);
  EXPECT_NE(plan.blocked[0].why.find("room"), std::string_view::npos);
  broker(input, NodeId(3)).free_bytes = 16 * kGib;
  plan = plan_of(input);
  EXPECT_TRUE(plan.blocked.empty());
  EXPECT_EQ(plan.steps.at(0).to, NodeId(3));
}

TEST(BalancePlan, ALargerDiskHoldsMore) {
  auto input = cluster(2);
  broker(input, NodeId(1)).capacity_bytes = broker(input, NodeId(1)).free_bytes = 1000 * kGib;
  broker(input, NodeId(2)).capacity_bytes = broker(input, NodeId(2)).free_bytes = 3000 * kGib;
  for (int i = 0; i < 3; ++i) {
    add_partition(input, {1}, 10 * kGib);
    add_partition(input, {2}, 30 * kGib);
  }
  EXPECT_TRUE(plan_of(input).steps.empty());
}

TEST(BalancePlan, WhatIsNotInSyncOrBeingReassignedStays) {
  auto input = cluster(2);
  for (int i = 0; i < 6; ++i) add_partition(input, {1}, kGib);
  for (auto& partition : input.partitions) partition.is_movable = false;
  EXPECT_TRUE(plan_of(input).steps.empty());
  broker(input, NodeId(1)).role = BrokerRole::kLeaving;
  EXPECT_EQ(plan_of(input).blocked.size(), 6U);
}

TEST(BalancePlan, ALoadThatStaysWithinTheThresholdMovesNothingAndBalancingGoesOnToHalfOfIt) {
  auto input = cluster(2);
  for (int i = 0; i < 108; ++i) add_partition(input, {1});
  for (int i = 0; i < 92; ++i) add_partition(input, {2});
  EXPECT_TRUE(plan_of(input).steps.empty());
  const auto on = make_balance_plan(input, {.threshold = 0.1, .goes_on = true});
  EXPECT_FALSE(on.steps.empty());
  EXPECT_LE(load_after(on, 1, BalanceGoal::kReplicas), 105);
}

TEST(BalancePlan, IsCutShortWhereItIsToBe) {
  auto input = cluster(2);
  for (int i = 0; i < 20; ++i) add_partition(input, {1}, kGib);
  const auto plan = make_balance_plan(input, {.steps_max = 3});
  EXPECT_EQ(plan.steps.size(), 3U);
  EXPECT_FALSE(plan.is_whole);
}

// ---------------------------------------------------------------------------------------------- random clusters

class RandomClusters : public ::testing::TestWithParam<uint64_t> {
 protected:
  size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(engine_); }

  BalanceInput make() {
    BalanceInput input;
    const size_t count = 3 + below(8);
    const size_t racks = 1 + below(4);
    const bool has_capacity = below(2) == 0;
    for (size_t i = 0; i < count; ++i) {
      BalanceBroker one{.id = NodeId(static_cast<int32_t>(i + 1)),
                        .rack = std::string(1, static_cast<char>('a' + i % racks))};
      if (has_capacity) one.capacity_bytes = one.free_bytes = (2000 + 1000 * below(3)) * 1000 * kGib;
      input.brokers.push_back(one);
    }
    const size_t used = std::max<size_t>(3, count - below(3));  // the others join empty
    const size_t partitions = 1 + below(120);
    for (size_t p = 0; p < partitions; ++p) {
      BalancePartition one{.topic = "t", .index = PartitionIndex(static_cast<int32_t>(p))};
      const size_t factor = 1 + below(3);
      while (one.replicas.size() < factor) {
        const NodeId id(static_cast<int32_t>(below(below(2) == 0 ? 3 : used) + 1));
        if (std::ranges::find(one.replicas, id) == one.replicas.end()) one.replicas.push_back(id);
      }
      one.bytes = below(3) == 0 ? below(200 * kGib) : below(kGib);
      one.bytes_per_second =
          below(4) == 0 ? static_cast<double>(below(50'000'000)) : static_cast<double>(below(100'000));
      one.is_movable = below(20) != 0;
      input.partitions.push_back(std::move(one));
    }
    if (below(2) == 0) input.brokers[below(count)].role = BrokerRole::kLeaving;
    if (below(3) == 0) input.brokers[below(count)].role = BrokerRole::kGone;
    if (below(6) == 0) input.brokers[below(count)].role = BrokerRole::kAway;
    return input;
  }

  std::mt19937_64 engine_{GetParam()};
};

size_t racks_of(BalanceInput& input, const std::vector<NodeId>& replicas) {
  std::set<std::string> racks;
  for (const NodeId id : replicas) {
    if (broker(input, id).role != BrokerRole::kGone) racks.insert(broker(input, id).rack);
  }
  return racks.size();
}

void check_step(BalanceInput& input, const BalanceStep& step) {
  const std::set<NodeId> distinct(step.after.begin(), step.after.end());
  EXPECT_EQ(distinct.size(), step.after.size()) << "a broker holds one replica of a partition";
  EXPECT_EQ(step.after.size(), step.before.size()) << "the replication factor stays";
  EXPECT_GE(racks_of(input, step.after), racks_of(input, step.before));
  EXPECT_TRUE(input.partitions[step.partition].is_movable);
  EXPECT_EQ(broker(input, step.to).role, BrokerRole::kMember);
  EXPECT_NE(broker(input, step.from).role, BrokerRole::kAway);
  if (step.moves_leader) {
    EXPECT_TRUE(std::ranges::is_permutation(step.before, step.after));
    EXPECT_EQ(step.after.front(), step.to);
  } else {
    EXPECT_EQ(step.bytes, input.partitions[step.partition].bytes);
  }
}

// What a plan lowers: the sum of the squares of what the members differ by from their share.
double badness(const BalanceInput& input) {
  const std::array<double, kBalanceGoals> least = {256.0 * (1 << 20), 1, 65536, 1, 65536};
  std::map<NodeId, BalanceLoad> loads;
  BalanceLoad total{};
  double members = 0;
  double capacity = 0;
  for (const auto& one : input.brokers) {
    if (one.role != BrokerRole::kMember) continue;
    loads[one.id] = {};
    ++members;
    capacity += static_cast<double>(one.capacity_bytes);
  }
  for (const auto& partition : input.partitions) {
    for (size_t i = 0; i < partition.replicas.size(); ++i) {
      const BalanceLoad load = {static_cast<double>(partition.bytes), 1, partition.bytes_per_second, i == 0 ? 1.0 : 0,
                                i == 0 ? partition.bytes_per_second : 0};
      const auto found = loads.find(partition.replicas[i]);
      for (size_t goal = 0; goal < kBalanceGoals; ++goal) {
        total[goal] += load[goal];
        if (found != loads.end()) found->second[goal] += load[goal];
      }
    }
  }
  double sum = 0;
  for (const auto& one : input.brokers) {
    if (!loads.contains(one.id)) continue;
    for (size_t goal = 0; goal < kBalanceGoals; ++goal) {
      const bool by_capacity = goal == 0 && capacity > 0;
      const double share = by_capacity ? static_cast<double>(one.capacity_bytes) / capacity : 1 / members;
      const double scale = std::max(total[goal] / members, least[goal]);
      const double off = (loads[one.id][goal] - total[goal] * share) / scale;
      sum += off * off;
    }
  }
  return sum;
}

TEST_P(RandomClusters, EachStepKeepsTheRulesAndMakesThingsBetterUntilNothingIsLeftToDo) {
  SCOPED_TRACE(::testing::Message() << "seed " << GetParam());
  BalanceInput input = make();
  const BalanceInput again = input;
  const BalancePlan plan = plan_of(input);
  EXPECT_TRUE(plan.is_whole);
  for (const BalanceStep& step : plan.steps) {
    const bool balances = step.reason >= StepReason::kDisk;
    check_step(input, step);
    const double before = badness(input);
    apply(input, step);
    if (balances && plan.waits_for.empty()) EXPECT_LT(badness(input), before);
  }
  EXPECT_TRUE(plan_of(input).steps.empty()) << "a plan that was carried out leaves nothing to do";
  const BalancePlan same = plan_of(again);
  ASSERT_EQ(same.steps.size(), plan.steps.size());
  for (size_t i = 0; i < same.steps.size(); ++i) EXPECT_EQ(same.steps[i].after, plan.steps[i].after);
}

TEST_P(RandomClusters, WhoTakesFewStepsAtATimeAndPlansAnewComesToAnEnd) {
  SCOPED_TRACE(::testing::Message() << "seed " << GetParam());
  BalanceInput input = make();
  size_t rounds = 0;
  for (bool goes_on = false;; goes_on = true) {
    const auto plan = make_balance_plan(input, {.goes_on = goes_on, .steps_max = 4});
    if (plan.steps.empty()) break;
    for (const BalanceStep& step : plan.steps) {
      check_step(input, step);
      apply(input, step);
    }
    ASSERT_LT(++rounds, 2000U);
  }
  EXPECT_TRUE(plan_of(input).steps.empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomClusters, ::testing::Range(uint64_t{1}, uint64_t{301}));

}  // namespace
}  // namespace weir::broker
