#include <gtest/gtest.h>

#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

const TopicPartition kOrders0{"orders", 0};
const Joined kNobody{"", -1};

protocol::ErrorCode deleted(GroupWorld& world, ReplyToken token) {
  auto node = world.replies.extract(token);
  return node ? std::get<protocol::ErrorCode>(node.mapped()) : kUnknownServerError;
}

std::vector<std::string> listed(const GroupWorld& world, std::vector<std::string_view> states,
                                std::vector<std::string_view> types = {}) {
  protocol::ListGroupsRequest request;
  request.states_filter = std::move(states);
  request.types_filter = std::move(types);
  auto answer = world.coordinator.list_groups(request);
  std::vector<std::string> ids;
  for (const auto& group : answer.message.groups) ids.emplace_back(group.group_id);
  return ids;
}

TEST(ListGroups, FiltersByStateAndTypeWhateverTheirCase) {
  GroupWorld world;
  world.stable_group("stable", 1);
  world.commit("simple", kNobody, kOrders0, 1);
  using Ids = std::vector<std::string>;
  EXPECT_EQ(listed(world, {}), (Ids{"simple", "stable"}));
  EXPECT_EQ(listed(world, {"STABLE"}), Ids{"stable"});
  EXPECT_EQ(listed(world, {"Empty", "Dead"}), Ids{"simple"});
  EXPECT_EQ(listed(world, {}, {"Classic"}), (Ids{"simple", "stable"}));
  EXPECT_EQ(listed(world, {}, {"consumer"}), Ids{});
  auto answer = world.coordinator.list_groups({});
  EXPECT_EQ(answer.message.groups[0].protocol_type, "");
  EXPECT_EQ(answer.message.groups[1].protocol_type, "consumer");
  EXPECT_EQ(answer.message.groups[1].group_state, "Stable");
  EXPECT_EQ(answer.message.groups[1].group_type, "classic");
}

TEST(DescribeGroups, ShowsMetadataOfStableGroupsOnly) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2, {{"range", {5}}});
  auto answer = world.coordinator.describe_group({6, "c", "/h"}, "g");
  EXPECT_EQ(answer.message.group_state, "Stable");
  EXPECT_EQ(answer.message.protocol_data, "range");
  ASSERT_EQ(answer.message.members.size(), 2U);
  EXPECT_EQ(answer.message.members[1].client_id, "client");
  EXPECT_EQ(answer.message.members[1].client_host, "/127.0.0.1");
  EXPECT_EQ(to_vector(answer.message.members[1].member_metadata), ByteVector{5});
  EXPECT_EQ(to_vector(answer.message.members[1].member_assignment), ByteVector{1});
  world.join({.member = members[0].id});
  answer = world.coordinator.describe_group({6, "c", "/h"}, "g");
  EXPECT_EQ(answer.message.group_state, "PreparingRebalance");
  EXPECT_EQ(answer.message.protocol_type, "consumer");
  EXPECT_EQ(answer.message.protocol_data, "");
  EXPECT_TRUE(answer.message.members[1].member_metadata.empty());
}

TEST(DescribeGroups, UnknownGroupIsDeadAndSinceVersion6AnError) {
  GroupWorld world;
  auto answer = world.coordinator.describe_group({5, "c", "/h"}, "g");
  EXPECT_EQ(answer.message.error_code, 0);
  EXPECT_EQ(answer.message.group_state, "Dead");
  answer = world.coordinator.describe_group({6, "c", "/h"}, "g");
  EXPECT_EQ(answer.message.error_code, error_field(kGroupIdNotFound));
  EXPECT_EQ(answer.message.error_message, "Group g not found.");
  EXPECT_EQ(answer.message.group_state, "Dead");
}

TEST(DeleteGroups, TakesOffsetsAlongAndOnlyEmptyGroups) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1);
  world.commit("g", members[0], kOrders0, 1);
  EXPECT_EQ(deleted(world, world.remove("unknown")), kGroupIdNotFound);
  EXPECT_EQ(deleted(world, world.remove("g")), kNonEmptyGroup);
  world.leave("g", members[0].id);
  world.hold_appends = true;
  const ReplyToken token = world.remove("g");
  EXPECT_FALSE(world.answered(token));
  world.commit_all();
  EXPECT_EQ(deleted(world, token), kNone);
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.state("g"), "Dead");
  EXPECT_TRUE(world.replayed()->group_ids().empty());
}

TEST(DeleteGroups, TakesAlongACommitThatIsStillBeingWritten) {
  GroupWorld world;
  world.hold_appends = true;
  world.commit("g", kNobody, kOrders0, 1);
  world.remove("g");
  world.commit_all();
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_TRUE(world.replayed()->group_ids().empty());
  EXPECT_EQ(world.coordinator.memory_bytes(), 0U);
}

TEST(DeleteGroups, DoesNotTakeAwayWhoJoinsMeanwhile) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 1);
  world.hold_appends = true;
  world.remove("g");
  const ReplyToken join = world.join({.version = 0});
  world.commit_all();
  world.hold_appends = false;
  world.advance(seconds(3));
  const Joined member{std::string(world.joined(join).message.member_id), 1};
  EXPECT_EQ(world.sync_error(world.sync("g", member, {{member.id, {1}}})), kNone);
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(digest(world.coordinator), digest(*world.replayed()));
}

TEST(DeleteGroups, ThatFailsLeavesEverything) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 1);
  world.hold_appends = true;
  const ReplyToken token = world.remove("g");
  world.fail_one(kCoordinatorNotAvailable);
  EXPECT_EQ(deleted(world, token), kCoordinatorNotAvailable);
  EXPECT_EQ(world.fetch("g", kOrders0), 1);
}

struct OffsetDeletion {
  protocol::ErrorCode group;
  protocol::ErrorCode partition = kNone;
};

OffsetDeletion delete_offset(GroupWorld& world, const std::string& group, const TopicPartition& partition) {
  protocol::OffsetDeleteRequest request;
  request.group_id = group;
  auto& topic = request.topics.emplace_back();
  topic.name = partition.topic;
  topic.partitions.push_back({partition.partition});
  world.coordinator.offset_delete({0, "c", "/h"}, request, 9999, world.now);
  world.take_effects();
  auto answer = world.of<protocol::OffsetDeleteResponse>(9999);
  OffsetDeletion result{protocol::error_code(answer.message.error_code)};
  if (!answer.message.topics.empty())
    result.partition = protocol::error_code(answer.message.topics[0].partitions[0].error_code);
  return result;
}

TEST(OffsetDelete, SparesTopicsThatMembersRead) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1, {{"range", subscription({"payments"})}});
  world.commit("g", members[0], kOrders0, 1);
  world.commit("g", members[0], {"payments", 0}, 2);
  EXPECT_EQ(delete_offset(world, "g", kOrders0).partition, kNone);
  EXPECT_EQ(delete_offset(world, "g", {"payments", 0}).partition, kGroupSubscribedToTopic);
  EXPECT_EQ(delete_offset(world, "g", {"nothing", 0}).partition, kUnknownTopicOrPartition);
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.fetch("g", {"payments", 0}), 2);
  EXPECT_EQ(digest(world.coordinator), digest(*world.replayed()));
}

TEST(OffsetDelete, SparesEverythingOfConsumersWhoseSubscriptionsCannotBeRead) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1);  // with empty metadata
  world.commit("g", members[0], kOrders0, 1);
  EXPECT_EQ(delete_offset(world, "g", kOrders0).partition, kGroupSubscribedToTopic);
  world.leave("g", members[0].id);
  EXPECT_EQ(delete_offset(world, "g", kOrders0).partition, kNone);
}

TEST(OffsetDelete, IsRefusedForUnknownGroupsAndForLiveOnesOfOtherTypes) {
  GroupWorld world;
  EXPECT_EQ(delete_offset(world, "", kOrders0).group, kInvalidGroupId);
  EXPECT_EQ(delete_offset(world, "unknown", kOrders0).group, kGroupIdNotFound);
  world.join_twice({.type = "connect"});
  EXPECT_EQ(delete_offset(world, "g", kOrders0).group, kNonEmptyGroup);
}

}  // namespace
}  // namespace weir::broker
