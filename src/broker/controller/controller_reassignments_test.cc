#include "broker/controller/controller_fixture.h"

namespace weir::broker::testing {
namespace {

using protocol::AlterPartitionReassignmentsRequest;
using protocol::ErrorCode;
using Replicas = std::optional<std::vector<int32_t>>;

class ReassignmentTest : public ControllerTest {
 protected:
  ReassignmentTest() {
    for (int32_t id : {1, 2, 3, 4}) add_broker(id);
    protocol::CreateTopicsRequest request;
    request.topics.push_back({"t", -1, -1, {{0, {1, 2}}}, {}});
    ask(request);
  }
  int16_t reassign(const Replicas& replicas, bool may_change_factor = true, std::string_view topic = "t",
                   int32_t index = 0) {
    AlterPartitionReassignmentsRequest request;
    request.allow_replication_factor_change = may_change_factor;
    request.topics.push_back({topic, {{index, replicas}}});
    return ask(request).response.responses.at(0).partitions.at(0).error_code;
  }
  // The leader tells that these are in sync.
  int16_t set_isr(const std::vector<int32_t>& isr) {
    protocol::AlterPartitionRequest request;
    const int32_t leader = partition("t").leader.value();
    request.broker_id = leader;
    request.broker_epoch = broker(leader).epoch.value();
    protocol::AlterPartitionRequest::PartitionData data;
    data.leader_epoch = partition("t").leader_epoch.value();
    data.partition_epoch = partition("t").partition_epoch.value();
    for (int32_t id : isr) data.new_isr_with_epochs.push_back({id, broker(id).epoch.value()});
    request.topics.push_back({controller_.image().topic("t")->id, {data}});
    return ask(request).response.topics.at(0).partitions.at(0).error_code;
  }
  size_t ongoing(std::optional<std::vector<int32_t>> indexes = std::nullopt) {
    protocol::ListPartitionReassignmentsRequest request;
    if (indexes) {
      request.topics.emplace();
      request.topics->push_back({"t", *indexes});
      request.topics->push_back({"missing", *indexes});
    }
    return ask(request).response.topics.size();
  }
};

std::vector<NodeId> nodes(std::initializer_list<int32_t> ids) {
  std::vector<NodeId> result;
  for (int32_t id : ids) result.emplace_back(id);
  return result;
}

TEST_F(ReassignmentTest, NewReplicasComeFirstAndOldOnesLeaveWhenTheNewHaveCaughtUp) {
  EXPECT_EQ(reassign(Replicas({3, 4})), 0);
  EXPECT_EQ(partition("t").replicas, nodes({3, 4, 1, 2}));
  EXPECT_EQ(partition("t").adding_replicas, nodes({3, 4}));
  EXPECT_EQ(partition("t").removing_replicas, nodes({1, 2}));
  EXPECT_EQ(partition("t").leader, NodeId(1)) << "nobody else has the records yet";
  EXPECT_EQ(ongoing(), 1U);
  EXPECT_EQ(ongoing({{0, 9}}), 1U);
  EXPECT_EQ(ongoing({{9}}), 0U);
  set_isr({1, 2, 3, 4});
  EXPECT_EQ(partition("t").replicas, nodes({3, 4}));
  EXPECT_TRUE(partition("t").adding_replicas.empty());
  EXPECT_TRUE(partition("t").removing_replicas.empty());
  EXPECT_EQ(partition("t").leader, NodeId(3));
  EXPECT_EQ(ongoing(), 0U);
}

// The simulator found reassignments that waited for ever for a replica that they took out (Kafka's wait, too).
TEST_F(ReassignmentTest, AnotherTargetInTheMiddleDoesNotWaitForWhatItTakesOut) {
  EXPECT_EQ(reassign(Replicas({1, 3})), 0);
  EXPECT_EQ(partition("t").adding_replicas, nodes({3}));
  EXPECT_EQ(reassign(Replicas({1, 4})), 0);
  EXPECT_EQ(partition("t").adding_replicas, nodes({4}));
  EXPECT_EQ(partition("t").removing_replicas, nodes({2, 3}));
  EXPECT_EQ(reassign(Replicas({1, 2})), 0) << "where it began";
  EXPECT_EQ(partition("t").replicas, nodes({1, 2}));
  EXPECT_EQ(ongoing(), 0U);
}

TEST_F(ReassignmentTest, AnotherOrderOfTheSameReplicasIsThereAtOnce) {
  EXPECT_EQ(reassign(Replicas({2, 1})), 0);
  EXPECT_EQ(partition("t").replicas, nodes({2, 1}));
  EXPECT_EQ(ongoing(), 0U);
}

TEST_F(ReassignmentTest, CancellingGoesBackToTheReplicasFromBefore) {
  EXPECT_EQ(reassign(std::nullopt), code(ErrorCode::kNoReassignmentInProgress));
  EXPECT_EQ(reassign(Replicas({3, 4})), 0);
  EXPECT_EQ(reassign(std::nullopt), 0);
  EXPECT_EQ(partition("t").replicas, nodes({1, 2}));
  EXPECT_EQ(ongoing(), 0U);
}

TEST_F(ReassignmentTest, WhatCannotBeIsRefused) {
  EXPECT_EQ(reassign(Replicas(std::vector<int32_t>())), code(ErrorCode::kInvalidReplicaAssignment));
  EXPECT_EQ(reassign(Replicas({1, 1})), code(ErrorCode::kInvalidReplicaAssignment));
  EXPECT_EQ(reassign(Replicas({9})), code(ErrorCode::kInvalidReplicaAssignment));
  EXPECT_EQ(reassign(Replicas({1}), true, "missing"), code(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(reassign(Replicas({1}), true, "t", 4), code(ErrorCode::kUnknownTopicOrPartition));
  EXPECT_EQ(partition("t").replicas, nodes({1, 2}));
}

TEST_F(ReassignmentTest, TheReplicationFactorStaysWhereItIsNotToChange) {
  EXPECT_EQ(reassign(Replicas({3}), false), code(ErrorCode::kInvalidReplicationFactor));
  EXPECT_EQ(reassign(Replicas({3, 4}), false), 0);
  EXPECT_EQ(reassign(Replicas({2, 3, 4}), false), code(ErrorCode::kInvalidReplicationFactor))
      << "of the reassignment that is under way";
  EXPECT_EQ(reassign(Replicas({2, 3, 4})), 0);
}

}  // namespace
}  // namespace weir::broker::testing
