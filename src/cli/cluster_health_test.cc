#include "cli/cluster_health.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::cli {
namespace {

constexpr Timestamp kNow{1'000'000};
constexpr int64_t kGib = int64_t{1} << 30;

std::vector<NodeId> nodes(std::initializer_list<int32_t> ids) {
  std::vector<NodeId> result;
  for (const int32_t id : ids) result.emplace_back(id);
  return result;
}

// Three brokers that are also voters, and a topic of one partition on all.
ClusterFacts cluster() {
  ClusterFacts facts;
  client::TopicDescription topic{.name = "orders"};
  topic.partitions.push_back(
      {.index = PartitionIndex(0), .leader = NodeId(1), .replicas = nodes({1, 2, 3}), .in_sync = nodes({1, 2, 3})});
  facts.topics.push_back(topic);
  facts.quorum.leader = NodeId(1);
  for (const int32_t id : {1, 2, 3}) {
    BrokerFacts one{.broker = {.id = NodeId(id)}, .leaders = id == 1 ? 1 : 0, .replicas = 1};
    one.directories.push_back({.path = "/data", .total_bytes = 100 * kGib, .usable_bytes = 50 * kGib});
    one.directories[0].replicas[{"orders", PartitionIndex(0)}] = kGib;
    facts.brokers.push_back(one);
    facts.quorum.voters.push_back({.id = NodeId(id), .last_caught_up = kNow});
  }
  facts.features.push_back({.name = "group.version", .supported_max = 1, .level = 1});
  facts.features.push_back({.name = "kraft.version", .supported_max = 1, .level = 0});
  return facts;
}

client::PartitionDescription& partition(ClusterFacts& facts) { return facts.topics[0].partitions[0]; }

void fence(ClusterFacts& facts, size_t broker) {
  facts.brokers[broker].broker.is_fenced = true;
  facts.brokers[broker].directories.clear();
}

// The one that says `words`; none: nothing of it was told.
std::optional<Problem> told(const ClusterFacts& facts, std::string_view words) {
  for (const Problem& problem : find_problems(facts, kNow)) {
    if (problem.what.find(words) != std::string::npos) return problem;
  }
  return std::nullopt;
}

TEST(ClusterHealth, NothingIsWrongWithAClusterThatIsWell) { EXPECT_TRUE(find_problems(cluster(), kNow).empty()); }

TEST(ClusterHealth, PartitionsWithoutLeaderComeFirstWithTheBrokerToStart) {
  auto facts = cluster();
  fence(facts, 1);
  partition(facts).leader = kNoNode;
  const auto problems = find_problems(facts, kNow);
  ASSERT_GE(problems.size(), 2U);
  EXPECT_EQ(problems[0].severity, Severity::kError);
  EXPECT_EQ(problems[0].what, "1 partition has no leader: orders-0");
  EXPECT_EQ(problems[0].advice, "start broker 2, which holds replicas of them");
  EXPECT_TRUE(told(facts, "broker 2 is fenced"));
}

TEST(ClusterHealth, TooFewInSyncIsAnErrorOnlyBelowTheMinimum) {
  auto facts = cluster();
  partition(facts).in_sync = nodes({1});
  facts.min_in_sync["orders"] = 2;
  EXPECT_EQ(told(facts, "takes no records with acks=all")->severity, Severity::kError);
  EXPECT_FALSE(told(facts, "not in sync"));
  partition(facts).in_sync = nodes({1, 2});
  EXPECT_FALSE(told(facts, "acks=all"));
  EXPECT_EQ(told(facts, "has a replica that is not in sync")->severity, Severity::kWarning);
}

TEST(ClusterHealth, AReplicaThatIsBeingMadeIsNoneThatLags) {
  auto facts = cluster();
  partition(facts).in_sync = nodes({1, 2});
  facts.reassignments.push_back({.partition = {"orders", PartitionIndex(0)}, .adding = nodes({3})});
  EXPECT_FALSE(told(facts, "not in sync"));
  EXPECT_EQ(told(facts, "1 partition is being reassigned")->severity, Severity::kNote);
}

TEST(ClusterHealth, AFencedBrokerThatHoldsNothingIsNotMissed) {
  auto facts = cluster();
  facts.brokers.push_back({.broker = {.id = NodeId(4), .is_fenced = true}});
  EXPECT_TRUE(find_problems(facts, kNow).empty());
}

TEST(ClusterHealth, ReplicasOnABrokerThatIsNotRegisteredAreTold) {
  auto facts = cluster();
  facts.brokers.pop_back();
  EXPECT_TRUE(told(facts, "broker 3 is not registered"));
}

TEST(ClusterHealth, DisksThatFillUpAndDirectoriesThatFailedAreTold) {
  auto facts = cluster();
  facts.brokers[0].directories[0].usable_bytes = 10 * kGib;
  EXPECT_EQ(told(facts, "the disk of /data of broker 1 is 90% full")->severity, Severity::kWarning);
  facts.brokers[0].directories[0].usable_bytes = 2 * kGib;
  EXPECT_EQ(told(facts, "98% full")->severity, Severity::kError);
  facts.brokers[0].directories[0].is_online = false;
  EXPECT_EQ(told(facts, "/data of broker 1 is offline")->severity, Severity::kError);
}

TEST(ClusterHealth, AVoterThatLagsIsAnErrorWhenNoOtherMayGo) {
  auto facts = cluster();
  facts.quorum.voters[2].last_caught_up = kNow - 60'000;
  EXPECT_EQ(told(facts, "controller 3 does not follow")->severity, Severity::kError);
  for (const int32_t id : {4, 5}) facts.quorum.voters.push_back({.id = NodeId(id), .last_caught_up = kNow});
  EXPECT_EQ(told(facts, "controller 3 does not follow")->severity, Severity::kWarning);
  facts.quorum.leader = kNoNode;
  EXPECT_EQ(told(facts, "has no leader")->severity, Severity::kError);
}

TEST(ClusterHealth, LeadersThatAreNotTheFirstReplicaAreTold) {
  auto facts = cluster();
  partition(facts).leader = NodeId(2);
  EXPECT_EQ(told(facts, "is not led by its first replica")->severity, Severity::kNote);
  partition(facts).in_sync = nodes({2, 3});
  EXPECT_FALSE(told(facts, "first replica")) << "it could not lead";
}

TEST(ClusterHealth, FeaturesBelowWhatIsKnownAreToldExceptTheOneOfTheQuorum) {
  auto facts = cluster();
  facts.features[0].level = 0;
  const auto problem = told(facts, "group.version is at level 0");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->severity, Severity::kNote);
  EXPECT_NE(problem->advice.find("weir feature upgrade --level group.version=1"), std::string::npos);
  EXPECT_FALSE(told(facts, "kraft.version"));
}

TEST(ClusterHealth, ACordonedBrokerThatHoldsReplicasAndDisksThatAreFilledUnevenlyAreTold) {
  auto facts = cluster();
  facts.brokers[2].directories[0].is_cordoned = true;
  EXPECT_TRUE(told(facts, "broker 3 is cordoned and holds 1 replica"));
  facts = cluster();
  client::TopicDescription other{.name = "other"};
  for (int32_t i = 0; i < 4; ++i) {
    other.partitions.push_back(
        {.index = PartitionIndex(i), .leader = NodeId(1), .replicas = nodes({1}), .in_sync = nodes({1})});
    facts.brokers[0].directories[0].replicas[{"other", PartitionIndex(i)}] = kGib;
  }
  facts.topics.push_back(other);
  EXPECT_EQ(told(facts, "disks are filled unevenly")->severity, Severity::kWarning);
}

}  // namespace
}  // namespace weir::cli
