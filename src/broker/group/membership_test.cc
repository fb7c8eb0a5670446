#include <gtest/gtest.h>

#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

// A stable group of one static member "i" and one dynamic one; the static one leads.
struct StaticGroup {
  GroupWorld world;
  Joined fixed, other;

  explicit StaticGroup(std::vector<GroupProtocol> protocols = {{"range", {}}}) {
    const ReplyToken first = world.join({.instance = "i", .protocols = protocols});
    const ReplyToken second = world.join_twice({.protocols = protocols});
    world.advance(seconds(6));
    fixed = {std::string(world.joined(first).message.member_id), 1};
    other = {std::string(world.joined(second).message.member_id), 1};
    const ReplyToken sync = world.sync("g", fixed, {{fixed.id, {1}}, {other.id, {2}}}, "i");
    EXPECT_EQ(world.sync_error(world.sync("g", other)), kNone);
    EXPECT_EQ(world.sync_error(sync), kNone);
  }
};

TEST(SyncGroup, FollowersWaitForTheLeadersAssignments) {
  GroupWorld world;
  const ReplyToken a = world.join_twice({}), b = world.join_twice({});
  world.advance(seconds(6));
  const Joined leader{std::string(world.joined(a).message.member_id), 1};
  const Joined follower{std::string(world.joined(b).message.member_id), 1};
  const ReplyToken waiting = world.sync("g", follower);
  EXPECT_FALSE(world.answered(waiting));
  EXPECT_EQ(world.state("g"), "CompletingRebalance");
  EXPECT_EQ(world.heartbeat("g", leader), kNone);
  world.hold_appends = true;
  const ReplyToken leading = world.sync("g", leader, {{leader.id, {1}}, {follower.id, {2}}, {"stranger", {3}}});
  EXPECT_FALSE(world.answered(leading));  // not before the assignments are in the log
  world.commit_all();
  EXPECT_EQ(to_vector(world.synced(leading).message.assignment), ByteVector{1});
  auto answer = world.synced(waiting);
  EXPECT_EQ(to_vector(answer.message.assignment), ByteVector{2});
  EXPECT_EQ(answer.message.protocol_type, "consumer");
  EXPECT_EQ(answer.message.protocol_name, "range");
  EXPECT_EQ(world.state("g"), "Stable");
}

TEST(SyncGroup, StableMemberGetsItsAssignmentAgain) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2);
  EXPECT_EQ(to_vector(world.synced(world.sync("g", members[1])).message.assignment), ByteVector{1});
}

TEST(SyncGroup, MembersThatWaitAreSentBackWhenAnotherRebalanceBegins) {
  GroupWorld world;
  const ReplyToken a = world.join_twice({}), b = world.join_twice({});
  world.advance(seconds(6));
  const Joined follower{std::string(world.joined(b).message.member_id), 1};
  world.joined(a);
  const ReplyToken waiting = world.sync("g", follower);
  world.join_twice({});
  EXPECT_EQ(world.sync_error(waiting), kRebalanceInProgress);
  EXPECT_EQ(world.sync_error(world.sync("g", follower)), kRebalanceInProgress);
}

TEST(SyncGroup, AssignmentsThatCannotBeWrittenStartAnotherRebalance) {
  GroupWorld world;
  const ReplyToken a = world.join_twice({});
  world.advance(seconds(3));
  const Joined leader{std::string(world.joined(a).message.member_id), 1};
  world.hold_appends = true;
  const ReplyToken sync = world.sync("g", leader, {{leader.id, {1}}});
  world.fail_one(kCoordinatorNotAvailable);
  EXPECT_EQ(world.sync_error(sync), kCoordinatorNotAvailable);
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
}

TEST(SyncGroup, MembersThatDoNotSyncInTimeAreRemoved) {
  GroupWorld world;
  const ReplyToken a = world.join_twice({}), b = world.join_twice({});
  world.advance(seconds(6));
  const Joined leader{std::string(world.joined(a).message.member_id), 1};
  const Joined silent{std::string(world.joined(b).message.member_id), 1};
  world.sync("g", leader, {{leader.id, {1}}});
  for (int i = 0; i < 59; ++i) {
    world.advance(seconds(1));
    EXPECT_EQ(world.heartbeat("g", leader), kNone);
    EXPECT_EQ(world.heartbeat("g", silent), kNone);
  }
  world.advance(seconds(1));
  EXPECT_EQ(world.heartbeat("g", silent), kUnknownMemberId);
  EXPECT_EQ(world.heartbeat("g", leader), kRebalanceInProgress);
}

TEST(SyncGroup, WrongClaimsAreRefused) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1);
  EXPECT_EQ(world.sync_error(world.sync("", members[0])), kInvalidGroupId);
  EXPECT_EQ(world.sync_error(world.sync("unknown", members[0])), kUnknownMemberId);
  EXPECT_EQ(world.sync_error(world.sync("g", {"nobody", 1})), kUnknownMemberId);
  EXPECT_EQ(world.sync_error(world.sync("g", {members[0].id, 9})), kIllegalGeneration);
  protocol::SyncGroupRequest request;
  request.group_id = "g";
  request.member_id = members[0].id;
  request.generation_id = members[0].generation;
  request.protocol_type = "consumer";
  for (const auto name : {std::optional<std::string_view>("roundrobin"), std::optional<std::string_view>()}) {
    request.protocol_name = name;  // a wrong one, and none where version 5 wants one
    world.coordinator.sync_group({5, "c", "/h"}, request, 1000, world.now);
    world.take_effects();
    EXPECT_EQ(world.sync_error(1000), kInconsistentGroupProtocol);
  }
}

TEST(Heartbeat, IsCheckedInTheOrderGroupMemberGeneration) {
  StaticGroup group;
  GroupWorld& world = group.world;
  EXPECT_EQ(world.heartbeat("", group.other), kInvalidGroupId);
  EXPECT_EQ(world.heartbeat("unknown", group.other), kUnknownMemberId);
  EXPECT_EQ(world.heartbeat("g", {"nobody", 9}), kUnknownMemberId);
  EXPECT_EQ(world.heartbeat("g", {"nobody", 9}, "i"), kFencedInstanceId);
  EXPECT_EQ(world.heartbeat("g", group.fixed, "no-such-instance"), kUnknownMemberId);
  EXPECT_EQ(world.heartbeat("g", {group.other.id, 9}), kIllegalGeneration);
  EXPECT_EQ(world.heartbeat("g", group.fixed, "i"), kNone);
}

TEST(Session, EndsWithoutHeartbeatsAndIsKeptByHeartbeatsAndCommits) {
  GroupWorld world;
  const auto members = world.stable_group("g", 3);
  for (int i = 0; i < 3; ++i) {
    world.advance(seconds(4));
    if (i == 2) break;
    EXPECT_EQ(world.heartbeat("g", members[0]), kNone);
    EXPECT_EQ(world.commit_error(world.commit("g", members[1], {"orders", 0}, i)), kNone);
  }
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
  EXPECT_EQ(world.heartbeat("g", members[0]), kRebalanceInProgress);
  EXPECT_EQ(world.heartbeat("g", members[1]), kRebalanceInProgress);
  EXPECT_EQ(world.heartbeat("g", members[2]), kUnknownMemberId);
}

TEST(Session, OfAMemberThatWaitsForARebalanceDoesNotEnd) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2);
  const ReplyToken leader = world.join({.member = members[0].id});
  for (int i = 0; i < 50; ++i) {  // five sessions
    world.advance(seconds(1));
    EXPECT_EQ(world.heartbeat("g", members[1]), kRebalanceInProgress);
  }
  EXPECT_FALSE(world.answered(leader));
  world.join({.member = members[1].id});
  EXPECT_EQ(world.join_error(leader), kNone);
}

TEST(LeaveGroup, LastMemberLeavesAnEmptyGroupInTheLog) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1);
  world.hold_appends = true;
  const ReplyToken leave = world.leave("g", members[0].id);
  EXPECT_FALSE(world.answered(leave));
  world.commit_all();
  auto answer = world.of<protocol::LeaveGroupResponse>(leave);
  EXPECT_EQ(answer.message.error_code, 0);
  EXPECT_EQ(answer.message.members.at(0).error_code, 0);
  EXPECT_EQ(world.state("g"), "Empty");
  const auto second = world.replayed();
  EXPECT_EQ(second->find_group("g")->generation(), 2);
  EXPECT_TRUE(second->find_group("g")->members().empty());
}

// The sum over all groups went below zero, which made it huge: from then on nobody new was let into any group.
TEST(LeaveGroup, GivesBackTheMemoryOfTheAssignment) {
  GroupWorld world;
  const auto round = [&] {
    const Joined member = world.stable_group("g", 1).front();
    world.advance(seconds(3));
    world.join({.member = member.id});
    const Joined again{member.id, member.generation + 1};
    EXPECT_EQ(world.sync_error(world.sync("g", again, {{member.id, ByteVector(1'000)}})), kNone);
    world.leave("g", member.id);
    return world.coordinator.memory_bytes();
  };
  const size_t empty = round();
  EXPECT_EQ(round(), empty);
  EXPECT_EQ(world.replayed()->memory_bytes(), empty);
}

TEST(LeaveGroup, AnswersEachMember) {
  StaticGroup group;
  GroupWorld& world = group.world;
  auto told = world.joined(world.join({}));
  const std::string pending(told.message.member_id);
  EXPECT_EQ(world.of<protocol::LeaveGroupResponse>(world.leave("g", pending)).message.members[0].error_code, 0);
  EXPECT_EQ(world.join_error(world.join({.member = pending})), kUnknownMemberId);
  const auto code = [&](const std::string& member, std::optional<std::string> instance) {
    return protocol::error_code(
        world.of<protocol::LeaveGroupResponse>(world.leave("g", member, instance)).message.members[0].error_code);
  };
  EXPECT_EQ(code("nobody", std::nullopt), kUnknownMemberId);
  EXPECT_EQ(code("", "no-such-instance"), kUnknownMemberId);
  EXPECT_EQ(code("", std::nullopt), kUnknownMemberId);
  EXPECT_EQ(code("nobody", "i"), kFencedInstanceId);
  EXPECT_EQ(code("", "i"), kNone);
  EXPECT_EQ(world.heartbeat("g", group.fixed, "i"), kUnknownMemberId);
}

TEST(LeaveGroup, OldVersionsAreAnsweredAtTheTop) {
  GroupWorld world;
  auto unknown = world.of<protocol::LeaveGroupResponse>(world.leave("g", "m"));
  EXPECT_EQ(unknown.message.error_code, 0);
  EXPECT_EQ(unknown.message.members.at(0).error_code, error_field(kUnknownMemberId));
  EXPECT_EQ(world.of<protocol::LeaveGroupResponse>(world.leave("", "m")).message.error_code,
            error_field(kInvalidGroupId));
  const auto members = world.stable_group("g", 1);
  protocol::LeaveGroupRequest request;
  request.group_id = "g";
  for (const auto& [member, error] : {std::pair(std::string("nobody"), kUnknownMemberId), {members[0].id, kNone}}) {
    request.member_id = member;
    world.coordinator.leave_group({2, "c", "/h"}, request, 1000, world.now);
    world.take_effects();
    auto answer = world.of<protocol::LeaveGroupResponse>(1000);
    EXPECT_EQ(answer.message.error_code, error_field(error));
    EXPECT_TRUE(answer.message.members.empty());
  }
}

TEST(StaticMember, ComesBackToAStableGroupWithoutARebalance) {
  StaticGroup group;
  GroupWorld& world = group.world;
  auto answer = world.joined(world.join({.instance = "i"}));
  EXPECT_EQ(answer.message.error_code, 0);
  EXPECT_EQ(answer.message.generation_id, 1);
  EXPECT_NE(answer.message.member_id, group.fixed.id);
  EXPECT_EQ(answer.message.leader, answer.message.member_id);
  EXPECT_TRUE(answer.message.skip_assignment);
  EXPECT_EQ(answer.message.members.size(), 2U);
  const Joined back{std::string(answer.message.member_id), 1};
  EXPECT_EQ(to_vector(world.synced(world.sync("g", back, {}, "i")).message.assignment), ByteVector{1});
  EXPECT_EQ(world.state("g"), "Stable");
  EXPECT_EQ(digest(world.coordinator), digest(*world.replayed()));
}

TEST(StaticMember, LeaderOfAnOldVersionIsToldThatItsOldSelfLeads) {
  StaticGroup group;
  auto answer = group.world.joined(group.world.join({.instance = "i", .version = 8}));
  EXPECT_EQ(answer.message.leader, group.fixed.id);
  EXPECT_FALSE(answer.message.skip_assignment);
  EXPECT_TRUE(answer.message.members.empty());
}

TEST(StaticMember, ThatWasReplacedIsFenced) {
  StaticGroup group;
  GroupWorld& world = group.world;
  const ReplyToken waiting = world.join({.member = group.fixed.id, .instance = "i"});
  EXPECT_FALSE(world.answered(waiting));
  world.join({.instance = "i"});
  EXPECT_EQ(world.join_error(waiting), kFencedInstanceId);
  EXPECT_EQ(world.heartbeat("g", group.fixed, "i"), kFencedInstanceId);
  EXPECT_EQ(world.sync_error(world.sync("g", group.fixed, {}, "i")), kFencedInstanceId);
  EXPECT_EQ(world.join_error(world.join({.member = group.fixed.id, .instance = "i"})), kFencedInstanceId);
}

TEST(StaticMember, ThatChangesTheChoiceOfProtocolStartsARebalance) {
  StaticGroup group({{"a", {}}, {"b", {}}});
  GroupWorld& world = group.world;
  EXPECT_FALSE(world.answered(world.join({.instance = "i", .protocols = {{"b", {}}}})));
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
}

TEST(StaticMember, WhoseReplacementCannotBeWrittenStaysWhoItWas) {
  StaticGroup group;
  GroupWorld& world = group.world;
  world.hold_appends = true;
  const ReplyToken token = world.join({.instance = "i", .protocols = {{"range", {5}}}});
  world.fail_one(kNotCoordinator);
  auto answer = world.joined(token);
  EXPECT_EQ(answer.message.error_code, error_field(kNotCoordinator));
  EXPECT_EQ(answer.message.member_id, "");
  EXPECT_EQ(world.heartbeat("g", group.fixed, "i"), kNone);
  EXPECT_EQ(digest(world.coordinator), digest(*world.replayed()));
}

TEST(StaticMember, IsNotDroppedFromARebalanceItMissesWhileItsSessionLasts) {
  StaticGroup group;
  GroupWorld& world = group.world;
  const ReplyToken token = world.join({.member = group.other.id, .protocols = {{"range", {9}}}, .rebalance_ms = 8'000});
  // The static member's rebalance timeout is the longer one; it shows signs of life to the end of it.
  for (int i = 0; i < 60; ++i) {
    world.advance(seconds(1));
    world.heartbeat("g", group.fixed, "i");
  }
  auto answer = world.joined(token);
  EXPECT_EQ(answer.message.leader, group.other.id);
  EXPECT_EQ(answer.message.members.size(), 2U);
}

TEST(StaticMember, IsWaitedForWhenEverybodyElseHasLeftTheRebalance) {
  StaticGroup group;
  GroupWorld& world = group.world;
  world.join({.member = group.other.id, .protocols = {{"range", {9}}}});
  world.leave("g", group.other.id);
  const auto keep_alive_for = [&](int count) {
    for (int i = 0; i < count; ++i) {
      world.advance(seconds(1));
      EXPECT_EQ(world.heartbeat("g", group.fixed, "i"), kRebalanceInProgress);
    }
  };
  keep_alive_for(130);  // two rebalance timeouts
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
  const ReplyToken back = world.join({.member = group.fixed.id, .instance = "i"});
  EXPECT_EQ(world.joined(back).message.generation_id, 2);
}

TEST(Unload, AnswersEveryoneWhoWaits) {
  GroupWorld world;
  const ReplyToken joining = world.join_twice({.group = "a"});
  const ReplyToken b1 = world.join_twice({.group = "b"}), b2 = world.join_twice({.group = "b"});
  world.advance(seconds(2));
  world.advance(seconds(4));
  world.joined(b1);
  const Joined follower{std::string(world.joined(b2).message.member_id), 1};
  const ReplyToken syncing = world.sync("b", follower);
  EXPECT_EQ(world.join_error(joining), kNone);
  const ReplyToken waiting = world.join_twice({.group = "c"});
  world.hold_appends = true;
  const ReplyToken committing = world.commit("simple", {}, {"orders", 0}, 1);
  world.coordinator.unload();
  world.pending.clear();
  world.take_effects();
  EXPECT_EQ(world.join_error(waiting), kNotCoordinator);
  EXPECT_EQ(world.sync_error(syncing), kNotCoordinator);
  EXPECT_EQ(world.commit_error(committing), kNotCoordinator);
}

}  // namespace
}  // namespace weir::broker
