#include <gtest/gtest.h>

#include "broker/group/consumer_world.h"
#include "broker/group/group_invariants.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

const Uuid kOrders(1, 10);
const TopicPartition kOrders0{"orders", 0}, kOrders1{"orders", 1}, kOrders2{"orders", 2}, kOrders3{"orders", 3};

std::vector<GroupProtocol> reading_orders() { return {{"range", subscription({"orders"})}}; }

// A stable classic group of two consumers that share the topic.
std::vector<Joined> classic_group(ConsumerWorld& world) {
  std::vector<ReplyToken> tokens;
  for (int i = 0; i < 2; ++i) tokens.push_back(world.join_twice({.protocols = reading_orders()}));
  while (!world.answered(tokens[0])) world.advance(milliseconds(100));
  std::vector<Joined> members;
  for (const ReplyToken token : tokens) {
    auto answer = world.joined(token);
    members.push_back({std::string(answer.message.member_id), answer.message.generation_id});
  }
  const std::map<std::string, ByteVector> assignments = {{members[0].id, assignment({kOrders0, kOrders1})},
                                                         {members[1].id, assignment({kOrders2, kOrders3})}};
  const ReplyToken first = world.sync("g", members[0], assignments);
  const ReplyToken second = world.sync("g", members[1]);
  EXPECT_EQ(world.sync_error(first), kNone);
  EXPECT_EQ(world.sync_error(second), kNone);
  return members;
}

// JoinGroup and SyncGroup of a member, with what it then has.
std::vector<TopicPartition> rejoin(ConsumerWorld& world, Joined& member) {
  auto answer = world.joined(world.join({.member = member.id, .protocols = reading_orders()}));
  EXPECT_EQ(protocol::error_code(answer.message.error_code), kNone);
  EXPECT_TRUE(answer.message.members.empty()) << "nobody leads";
  member.generation = answer.message.generation_id;
  auto synced = world.synced(world.sync("g", member));
  EXPECT_EQ(protocol::error_code(synced.message.error_code), kNone);
  return *assigned_partitions(synced.message.assignment);
}

TEST(ConsumerMigration, ClassicGroupBecomesAConsumerGroupWithWhatItsMembersHave) {
  ConsumerWorld world;
  std::vector<Joined> members = classic_group(world);
  const Told told = world.beat(joining("new"));
  EXPECT_EQ(told.error, kNone);
  EXPECT_EQ(count(*told.assignment), 0U) << "the others have it all";
  EXPECT_EQ(world.coordinator.find_group("g"), nullptr);
  ASSERT_EQ(world.group().members().size(), 3U);
  EXPECT_EQ(world.group().find(members[0].id)->progress.assigned.at(kOrders).size(), 2U);
  EXPECT_EQ(consumer_digest(*world.replayed()), consumer_digest(world.coordinator));
  EXPECT_EQ(world.heartbeat("g", members[0]), kRebalanceInProgress);
  size_t total = 0;
  for (Joined& member : members) total += rejoin(world, member).size();
  // What they gave up in between is free when they join again without it.
  for (int i = 0; i < 4; ++i) {
    for (Joined& member : members) {
      if (world.heartbeat("g", member) == kRebalanceInProgress) rejoin(world, member);
    }
    world.beat({.member = "new", .epoch = world.group().find("new")->progress.epoch});
  }
  EXPECT_EQ(world.group().state(), ConsumerGroupState::kStable);
  EXPECT_GE(world.group().find("new")->progress.assigned.at(kOrders).size(), 1U);
  EXPECT_GE(total, 2U);
}

TEST(ConsumerMigration, GroupWhoseLastConsumerLeavesIsClassicAgain) {
  ConsumerWorld world;
  std::vector<Joined> members = classic_group(world);
  const Told told = world.beat(joining("new"));
  world.beat({.member = "new", .epoch = kLeaveEpoch});
  EXPECT_EQ(world.coordinator.consumer_groups().find("g"), nullptr);
  const ClassicGroup* group = world.coordinator.find_group("g");
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(group->members().size(), 2U);
  EXPECT_EQ(group->state(), GroupState::kPreparingRebalance);
  EXPECT_EQ(consumer_digest(*world.replayed()), "");
  ASSERT_NE(world.replayed()->find_group("g"), nullptr);
  EXPECT_EQ(world.replayed()->find_group("g")->members().size(), 2U);
}

TEST(ConsumerMigration, FollowsThePolicy) {
  ConsumerWorld world({.consumer_upgrade = false, .consumer_downgrade = false});
  classic_group(world);
  const Told told = world.beat(joining("new"));
  EXPECT_EQ(told.error, kGroupIdNotFound);
  EXPECT_EQ(told.message, "Cannot upgrade classic group g to consumer group because online upgrade is disabled.");
  Beat other = joining("a");
  other.group = "h";
  EXPECT_EQ(world.beat(other).error, kNone);
  EXPECT_EQ(world.join_error(world.join({.group = "h", .protocols = reading_orders()})), kInconsistentGroupProtocol);
}

TEST(ConsumerMigration, RefusedUpgradeLeavesTheClassicGroupAsItWas) {
  ConsumerWorld world;
  const std::vector<Joined> members = classic_group(world);
  world.hold_appends = true;
  const ReplyToken token = world.send(joining("new"));
  world.fail_one(kNotCoordinator);
  EXPECT_EQ(world.told(token).error, kNotCoordinator);
  world.hold_appends = false;
  EXPECT_EQ(world.coordinator.consumer_groups().find("g"), nullptr);
  EXPECT_EQ(world.heartbeat("g", members[0]), kNone);
}

TEST(ConsumerMigration, ClassicMemberThatDoesNotJoinAgainIsRemoved) {
  ConsumerWorld world;
  std::vector<Joined> members = classic_group(world);
  world.beat(joining("new"));
  EXPECT_EQ(world.heartbeat("g", members[0]), kRebalanceInProgress);
  for (int i = 0; i < 12; ++i) {
    world.advance(seconds(5));
    world.heartbeat("g", members[0]);
    world.beat({.member = "new", .epoch = world.group().find("new")->progress.epoch});
  }
  EXPECT_EQ(world.group().find(members[0].id), nullptr) << "60 s to join";
}

TEST(ConsumerMigration, ClassicMemberJoinsAConsumerGroupAndLeavesIt) {
  ConsumerWorld world;
  world.beat(joining("a"));
  auto asked = world.joined(world.join({.protocols = reading_orders()}));
  EXPECT_EQ(protocol::error_code(asked.message.error_code), kMemberIdRequired);
  Joined member{std::string(asked.message.member_id), -1};
  EXPECT_TRUE(rejoin(world, member).empty());
  const PartitionSets keeps{{kOrders, world.group().target("a").at(kOrders)}};
  world.beat({.member = "a", .epoch = 2});
  world.beat({.member = "a", .epoch = 2, .owned = keeps});
  EXPECT_EQ(world.heartbeat("g", member), kRebalanceInProgress) << "there is something for it";
  EXPECT_EQ(rejoin(world, member).size(), 2U);
  EXPECT_EQ(world.heartbeat("g", member), kNone);
  EXPECT_EQ(world.describe().message.members.size(), 2U);
  auto left = world.of<protocol::LeaveGroupResponse>(world.leave("g", member.id));
  EXPECT_EQ(left.message.error_code, 0);
  EXPECT_EQ(world.group().members().size(), 1U);
}

}  // namespace
}  // namespace weir::broker
