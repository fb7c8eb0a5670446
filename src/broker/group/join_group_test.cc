#include <gtest/gtest.h>

#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

std::vector<GroupProtocol> speaks(std::initializer_list<const char*> names) {
  std::vector<GroupProtocol> protocols;
  for (const char* name : names) protocols.push_back({name, {}});
  return protocols;
}

TEST(JoinGroup, NewMemberIsToldItsIdBeforeItMayJoin) {
  GroupWorld world;
  auto answer = world.joined(world.join({.client = "shop"}));
  EXPECT_EQ(answer.message.error_code, error_field(kMemberIdRequired));
  EXPECT_EQ(answer.message.generation_id, -1);
  EXPECT_EQ(answer.message.protocol_type, std::nullopt);
  EXPECT_EQ(answer.message.protocol_name, std::nullopt);
  EXPECT_TRUE(answer.message.member_id.starts_with("shop-"));
  EXPECT_EQ(answer.message.member_id.size(), 5U + 36U);
}

TEST(JoinGroup, GroupIsInTheLogBeforeItsFirstMemberJoins) {
  GroupWorld world;
  world.join({});
  ASSERT_EQ(world.log.size(), 1U);
  EXPECT_EQ(world.replayed()->group_ids(), std::vector<std::string>{"g"});
}

TEST(JoinGroup, OldClientJoinsWithoutBeingToldAnIdFirst) {
  GroupWorld world;
  const ReplyToken token = world.join({.version = 0});
  EXPECT_FALSE(world.answered(token));
  world.advance(seconds(3));
  EXPECT_EQ(world.joined(token).message.generation_id, 1);
}

TEST(JoinGroup, IdOfAnOverlongClientNameStillFitsAString) {
  GroupWorld world;
  auto answer = world.joined(world.join({.client = std::string(INT16_MAX, 'x')}));
  EXPECT_EQ(answer.message.member_id.size(), static_cast<size_t>(INT16_MAX));
}

TEST(JoinGroup, FirstRebalanceIsProlongedByNewcomersUpToTheRebalanceTimeout) {
  GroupWorld world;
  const ReplyToken first = world.join_twice({.rebalance_ms = 7'000});
  world.advance(seconds(2));
  const ReplyToken second = world.join_twice({.rebalance_ms = 7'000});
  world.advance(seconds(2));
  EXPECT_FALSE(world.answered(first));
  world.advance(milliseconds(1'500));  // 5.5 s: within the delay that the second has prolonged
  const ReplyToken third = world.join_twice({.rebalance_ms = 7'000});
  world.advance(milliseconds(1'400));  // 6.9 s
  EXPECT_FALSE(world.answered(first));
  world.advance(milliseconds(100));  // 7 s: the rebalance timeout
  EXPECT_TRUE(world.answered(first));
  EXPECT_TRUE(world.answered(second));
  EXPECT_TRUE(world.answered(third));
}

TEST(JoinGroup, FirstRebalanceEndsAfterOneDelayWhenNobodyElseComes) {
  GroupWorld world;
  const ReplyToken token = world.join_twice({});
  world.advance(milliseconds(2'999));
  EXPECT_FALSE(world.answered(token));
  world.advance(milliseconds(1));
  EXPECT_TRUE(world.answered(token));
}

TEST(JoinGroup, OnlyTheLeaderIsToldTheMembers) {
  GroupWorld world;
  const ReplyToken first = world.join_twice({.protocols = {{"range", {1}}}});
  const ReplyToken second = world.join_twice({.protocols = {{"range", {2}}}});
  world.advance(seconds(6));
  auto leader = world.joined(first);
  auto follower = world.joined(second);
  EXPECT_EQ(leader.message.leader, leader.message.member_id);
  EXPECT_EQ(follower.message.leader, leader.message.member_id);
  EXPECT_TRUE(follower.message.members.empty());
  ASSERT_EQ(leader.message.members.size(), 2U);
  EXPECT_EQ(leader.message.members[1].member_id, follower.message.member_id);
  EXPECT_EQ(to_vector(leader.message.members[1].metadata), ByteVector{2});
  EXPECT_EQ(leader.message.protocol_type, "consumer");
  EXPECT_EQ(leader.message.protocol_name, "range");
}

TEST(JoinGroup, ProtocolIsTheOneThatAllSupportAndMostPrefer) {
  GroupWorld world;
  world.join_twice({.protocols = speaks({"a", "b", "c"})});
  world.join_twice({.protocols = speaks({"d", "c", "b"})});
  const ReplyToken third = world.join_twice({.protocols = speaks({"c", "b"})});
  world.advance(seconds(9));
  EXPECT_EQ(world.joined(third).message.protocol_name, "c");  // votes: b, c, c
}

TEST(JoinGroup, MemberWithNothingInCommonIsRefused) {
  GroupWorld world;
  world.join_twice({.protocols = speaks({"a", "b"})});
  EXPECT_EQ(world.join_error(world.join({.protocols = speaks({"c"})})), kInconsistentGroupProtocol);
  EXPECT_EQ(world.join_error(world.join({.protocols = speaks({"a"}), .type = "connect"})), kInconsistentGroupProtocol);
  EXPECT_EQ(world.join_error(world.join({.protocols = {}})), kInconsistentGroupProtocol);
  EXPECT_EQ(world.join_error(world.join({.group = "new", .type = ""})), kInconsistentGroupProtocol);
  EXPECT_EQ(world.state("new"), "Dead");
}

TEST(JoinGroup, ImpossibleRequestsAreRefused) {
  GroupWorld world;
  EXPECT_EQ(world.join_error(world.join({.group = ""})), kInvalidGroupId);
  EXPECT_EQ(world.join_error(world.join({.session_ms = 5'999})), kInvalidSessionTimeout);
  EXPECT_EQ(world.join_error(world.join({.session_ms = 1'800'001})), kInvalidSessionTimeout);
  EXPECT_EQ(world.join_error(world.join({.member = "nobody"})), kUnknownMemberId);
  world.join({});
  EXPECT_EQ(world.join_error(world.join({.member = "nobody"})), kUnknownMemberId);
  EXPECT_EQ(world.join_error(world.join({.member = "nobody", .instance = "i"})), kUnknownMemberId);
}

TEST(JoinGroup, FullGroupTakesNobodyElse) {
  GroupWorld world({.group_size_max = 2});
  const auto members = world.stable_group("g", 2);
  EXPECT_EQ(world.join_error(world.join({})), kGroupMaxSizeReached);
  EXPECT_EQ(world.heartbeat("g", members[0]), kNone);
}

TEST(JoinGroup, IdsGivenOutAreBounded) {
  GroupWorld world({.pending_members_max = 2});
  world.join({});
  world.join({});
  EXPECT_EQ(world.join_error(world.join({})), kGroupMaxSizeReached);
  world.advance(seconds(10));  // the first two do not come back within their session timeouts
  EXPECT_EQ(world.join_error(world.join({})), kMemberIdRequired);
}

TEST(JoinGroup, NobodyNewIsTakenWhenTheMemoryIsUsedUp) {
  GroupWorld world({.memory_max_bytes = 1});
  EXPECT_EQ(world.join_error(world.join({})), kGroupMaxSizeReached);
}

TEST(JoinGroup, GroupWhoseFirstRecordFailsIsNotThere) {
  GroupWorld world;
  world.hold_appends = true;
  const ReplyToken token = world.join({.version = 0});
  world.fail_one(kNotCoordinator);
  EXPECT_EQ(world.join_error(token), kNotCoordinator);
  EXPECT_EQ(world.state("g"), "Dead");
  EXPECT_EQ(world.coordinator.memory_bytes(), 0U);
}

TEST(JoinGroup, FollowerThatRejoinsUnchangedGetsThePresentGeneration) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2);
  auto answer = world.joined(world.join({.member = members[1].id}));
  EXPECT_EQ(answer.message.error_code, 0);
  EXPECT_EQ(answer.message.generation_id, members[1].generation);
  EXPECT_TRUE(answer.message.members.empty());
  EXPECT_EQ(world.state("g"), "Stable");
}

TEST(JoinGroup, LeaderThatRejoinsStartsARebalance) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2);
  const ReplyToken leader = world.join({.member = members[0].id});
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
  EXPECT_EQ(world.heartbeat("g", members[1]), kRebalanceInProgress);
  const ReplyToken follower = world.join({.member = members[1].id});
  EXPECT_EQ(world.joined(leader).message.generation_id, members[0].generation + 1);
  EXPECT_EQ(world.joined(follower).message.leader, members[0].id);
}

TEST(JoinGroup, FollowerThatChangesItsSubscriptionStartsARebalance) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2);
  EXPECT_FALSE(world.answered(world.join({.member = members[1].id, .protocols = {{"range", {9}}}})));
  EXPECT_EQ(world.state("g"), "PreparingRebalance");
}

TEST(JoinGroup, MemberThatMissedTheAnswerGetsItAgainUnlessItChanged) {
  GroupWorld world;
  const ReplyToken token = world.join_twice({});
  world.advance(seconds(3));
  const std::string id(world.joined(token).message.member_id);
  auto again = world.joined(world.join({.member = id}));
  EXPECT_EQ(again.message.generation_id, 1);
  EXPECT_EQ(again.message.members.size(), 1U);
  const ReplyToken changed = world.join({.member = id, .protocols = {{"range", {9}}}});
  EXPECT_EQ(world.joined(changed).message.generation_id, 2);
}

TEST(JoinGroup, SecondRequestOfAMemberTakesOver) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2);
  const ReplyToken first = world.join({.member = members[0].id});
  const ReplyToken second = world.join({.member = members[0].id});
  EXPECT_EQ(world.join_error(first), kRebalanceInProgress);
  world.join({.member = members[1].id});
  EXPECT_EQ(world.join_error(second), kNone);
}

TEST(JoinGroup, MembersThatDoNotRejoinAreDroppedAfterTheRebalanceTimeout) {
  GroupWorld world;
  const auto members = world.stable_group("g", 3);
  const ReplyToken leader = world.join({.member = members[1].id, .protocols = {{"range", {9}}}});
  for (int i = 0; i < 59; ++i) {
    world.advance(seconds(1));
    EXPECT_EQ(world.heartbeat("g", members[0]), kRebalanceInProgress);
    EXPECT_EQ(world.heartbeat("g", members[2]), kRebalanceInProgress);
  }
  EXPECT_FALSE(world.answered(leader));
  world.advance(seconds(1));
  auto answer = world.joined(leader);
  EXPECT_EQ(answer.message.leader, members[1].id);
  EXPECT_EQ(answer.message.members.size(), 1U);
  EXPECT_EQ(world.heartbeat("g", members[0]), kUnknownMemberId);
}

TEST(JoinGroup, RebalanceWaitsForAMemberThatWasToldItsId) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1);
  auto told = world.joined(world.join({}));
  const ReplyToken leader = world.join({.member = members[0].id});
  EXPECT_FALSE(world.answered(leader));
  world.join({.member = std::string(told.message.member_id)});
  EXPECT_EQ(world.joined(leader).message.members.size(), 2U);
}

TEST(JoinGroup, RebalanceGoesOnWithoutAMemberThatWasToldItsIdAndStaysAway) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1);
  world.join({.session_ms = 6'000});
  const ReplyToken leader = world.join({.member = members[0].id});
  world.advance(seconds(6));
  EXPECT_EQ(world.joined(leader).message.members.size(), 1U);
}

TEST(JoinGroup, NewcomerThatNobodyWaitsForAnyMoreIsDroppedInTheEnd) {
  GroupWorld world({.initial_rebalance_delay = seconds(400)});
  const ReplyToken token = world.join_twice({.rebalance_ms = 1'000'000});
  world.advance(seconds(300));
  EXPECT_EQ(world.join_error(token), kUnknownMemberId);
}

}  // namespace
}  // namespace weir::broker
