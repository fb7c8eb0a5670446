#include <gtest/gtest.h>

#include "broker/group/consumer_world.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

const Uuid kOrders(1, 10);
const Uuid kPayments(1, 20);

Beat leaving(const std::string& member, int32_t epoch = kLeaveEpoch) { return {.member = member, .epoch = epoch}; }

TEST(ConsumerGroup, FirstMemberGetsAllPartitionsAtOnce) {
  ConsumerWorld world;
  const Told told = world.beat(joining("a"));
  EXPECT_EQ(told.error, kNone);
  EXPECT_EQ(told.epoch, 2);
  EXPECT_EQ(told.assignment, (PartitionSets{{kOrders, {0, 1, 2, 3}}}));
  EXPECT_EQ(world.group().state(), ConsumerGroupState::kStable);
  const Told again = world.beat({.member = "a", .epoch = 2});
  EXPECT_EQ(again.epoch, 2);
  EXPECT_FALSE(again.assignment) << "nothing has changed";
}

TEST(ConsumerGroup, PartitionsGoToANewcomerOnlyWhenTheirOwnerHasGivenThemUp) {
  ConsumerWorld world;
  world.beat(joining("a"));
  const Told newcomer = world.beat(joining("b"));
  EXPECT_EQ(newcomer.epoch, 3);
  EXPECT_EQ(count(*newcomer.assignment), 0U);
  EXPECT_EQ(world.group().state(), ConsumerGroupState::kReconciling);
  const Told asked = world.beat({.member = "a", .epoch = 2});
  EXPECT_EQ(asked.epoch, 2) << "the epoch stays until it has revoked";
  EXPECT_EQ(asked.assignment, (PartitionSets{{kOrders, {0, 1}}}));
  EXPECT_FALSE(world.beat({.member = "b", .epoch = 3}).assignment) << "still with a";
  const Told revoked = world.beat({.member = "a", .epoch = 2, .owned = PartitionSets{{kOrders, {0, 1}}}});
  EXPECT_EQ(revoked.epoch, 3);
  EXPECT_EQ(world.beat({.member = "b", .epoch = 3}).assignment, (PartitionSets{{kOrders, {2, 3}}}));
  EXPECT_EQ(world.group().state(), ConsumerGroupState::kStable);
}

TEST(ConsumerGroup, WhatALeavingMemberHadGoesToTheOthers) {
  ConsumerWorld world;
  std::vector<ConsumerClient> clients = {{.id = "a"}, {.id = "b"}};
  world.settle(clients);
  EXPECT_EQ(count(clients[1].owned), 2U);
  EXPECT_EQ(world.beat(leaving("b")).epoch, -1);
  clients.pop_back();
  world.settle(clients);
  EXPECT_EQ(count(clients[0].owned), 4U);
}

TEST(ConsumerGroup, MemberWithoutHeartbeatsIsRemovedAfterItsSession) {
  ConsumerWorld world;
  world.beat(joining("a"));
  world.advance(seconds(30));
  world.beat({.member = "a", .epoch = 2});
  world.advance(seconds(44));
  EXPECT_NE(world.group().find("a"), nullptr);
  world.advance(seconds(1));
  EXPECT_EQ(world.group().find("a"), nullptr);
  EXPECT_EQ(world.beat({.member = "a", .epoch = 2}).error, kUnknownMemberId);
  EXPECT_EQ(world.group().state(), ConsumerGroupState::kEmpty);
}

TEST(ConsumerGroup, MemberThatDoesNotRevokeInTimeIsRemoved) {
  ConsumerWorld world;
  Beat slow = joining("a");
  slow.rebalance_ms = 20'000;
  world.beat(slow);
  world.beat(joining("b"));
  world.beat({.member = "a", .epoch = 2});
  world.advance(seconds(19));
  world.beat({.member = "a", .epoch = 2});
  EXPECT_NE(world.group().find("a"), nullptr);
  world.advance(seconds(1));
  EXPECT_EQ(world.group().find("a"), nullptr);
  const Told heir = world.beat({.member = "b", .epoch = 3});
  EXPECT_EQ(count(*heir.assignment), 4U);
}

TEST(ConsumerGroup, WrongEpochsAreFencedButALostAnswerIsForgiven) {
  ConsumerWorld world;
  world.beat(joining("a"));
  EXPECT_EQ(world.beat({.member = "a", .epoch = 3}).error, kFencedMemberEpoch);
  world.beat({.member = "a", .epoch = 2, .topics = std::vector<std::string>{"orders", "audit"}});
  EXPECT_EQ(world.group().find("a")->progress.epoch, 3);
  // The answer with epoch 3 was lost.
  Beat again{.member = "a", .epoch = 2, .owned = PartitionSets{{kOrders, {0, 1, 2, 3}}}};
  EXPECT_EQ(world.beat(again).epoch, 3);
  again.owned = PartitionSets{{kPayments, {0}}};
  EXPECT_EQ(world.beat(again).error, kFencedMemberEpoch);
}

TEST(ConsumerGroup, RequestsThatMakeNoSenseAreRefusedWithAReason) {
  ConsumerWorld world;
  const auto refused = [&](Beat beat, protocol::ErrorCode error, const std::string& message) {
    const Told told = world.beat(beat);
    EXPECT_EQ(told.error, error) << message;
    EXPECT_EQ(told.message, message);
  };
  Beat join = joining("a");
  join.rebalance_ms = -1;
  refused(join, kInvalidRequest, "RebalanceTimeoutMs must be provided in first request.");
  join = joining("a");
  join.owned = PartitionSets{{kOrders, {0}}};
  refused(join, kInvalidRequest, "TopicPartitions must be empty when (re-)joining.");
  refused(joining(""), kInvalidRequest, "MemberId can't be empty.");
  join = joining("a");
  join.assignor = "sticky";
  refused(join, kUnsupportedAssignor, "ServerAssignor sticky is not supported. Supported assignors: uniform, range.");
  refused({.member = "a", .epoch = -3}, kInvalidRequest, "MemberEpoch is invalid.");
  refused({.member = "a", .epoch = kLeaveStaticEpoch}, kInvalidRequest, "InstanceId can't be null.");
  refused({.member = "a", .epoch = 2}, kGroupIdNotFound, "Consumer group g not found.");
  EXPECT_EQ(world.coordinator.consumer_groups().find("g"), nullptr) << "nothing came of it";
}

TEST(ConsumerGroup, OldClientIsGivenAnId) {
  ConsumerWorld world;
  Beat join = joining("");
  join.version = 0;
  const Told told = world.beat(join);
  EXPECT_EQ(told.error, kNone);
  EXPECT_EQ(told.member.size(), 22U);
}

TEST(ConsumerGroup, FullGroupTakesNobody) {
  ConsumerWorld world({.consumer_group_size_max = 1});
  world.beat(joining("a"));
  EXPECT_EQ(world.beat(joining("b")).error, kGroupMaxSizeReached);
  EXPECT_EQ(world.beat({.member = "a", .epoch = 2}).error, kNone);
}

TEST(ConsumerGroup, StaticMemberFindsWhatItHadUnderAnotherId) {
  ConsumerWorld world;
  Beat first = joining("a");
  first.instance = "i";
  world.beat(first);
  Beat second = joining("b");
  second.instance = "i";
  EXPECT_EQ(world.beat(second).error, kUnreleasedInstanceId);
  const int32_t epoch = world.group().epoch();
  Beat away = leaving("a", kLeaveStaticEpoch);
  away.instance = "i";
  EXPECT_EQ(world.beat(away).epoch, kLeaveStaticEpoch);
  const Told back = world.beat(second);
  EXPECT_EQ(back.error, kNone);
  EXPECT_EQ(count(*back.assignment), 4U);
  EXPECT_EQ(world.group().epoch(), epoch) << "nothing was rebalanced";
  Beat stale{.member = "a", .epoch = 2, .instance = "i"};
  EXPECT_EQ(world.beat(stale).error, kFencedInstanceId);
  stale.instance = "other";
  EXPECT_EQ(world.beat(stale).error, kUnknownMemberId);
}

TEST(ConsumerGroup, StaticMemberThatDoesNotComeBackLosesItsPlace) {
  ConsumerWorld world;
  Beat first = joining("a");
  first.instance = "i";
  world.beat(first);
  Beat away = leaving("a", kLeaveStaticEpoch);
  away.instance = "i";
  world.beat(away);
  world.advance(seconds(45));
  EXPECT_EQ(world.group().state(), ConsumerGroupState::kEmpty);
}

TEST(ConsumerGroup, AssignmentsAreNotMadeMoreOftenThanTheInterval) {
  ConsumerWorld world;
  world.topics.settings["consumer.assignment.interval.ms"] = 1000;
  world.beat(joining("a"));
  const Told early = world.beat(joining("b"));
  EXPECT_EQ(early.epoch, 2);
  EXPECT_EQ(world.group().state(), ConsumerGroupState::kAssigning);
  world.advance(seconds(1));
  EXPECT_EQ(world.beat({.member = "b", .epoch = 2}).epoch, 3);
}

TEST(ConsumerGroup, TopicThatGrowsIsAssignedAnew) {
  ConsumerWorld world;
  world.beat(joining("a"));
  world.topics.topics["orders"].second = 6;
  world.coordinator.topics_changed(std::vector<std::string>{"orders"}, false);
  const Told told = world.beat({.member = "a", .epoch = 2});
  EXPECT_EQ(told.epoch, 3);
  EXPECT_EQ(count(*told.assignment), 6U);
}

TEST(ConsumerGroup, RegularExpressionIsResolvedHereAndFollowsNewTopics) {
  ConsumerWorld world;
  Beat join = joining("a", {});
  join.topics.reset();
  join.regex = "ord.*|pay.*";
  const Told first = world.beat(join);
  EXPECT_EQ(first.epoch, 1) << "resolved behind the first answer";
  EXPECT_EQ(count(*first.assignment), 0U);
  const Told told = world.beat({.member = "a", .epoch = 1});
  EXPECT_EQ(told.epoch, 2);
  EXPECT_EQ(count(*told.assignment), 8U);
  world.topics.topics["orders-2"] = {Uuid(1, 40), 2};
  world.topics.metadata_version = 2;
  world.coordinator.topics_changed(std::vector<std::string>{"orders-2"}, true);
  world.advance(seconds(11));
  world.beat({.member = "a", .epoch = 2});
  EXPECT_EQ(count(*world.beat({.member = "a", .epoch = 2}).assignment), 10U);
  join.member = "b";
  join.regex = "a(";
  const Told bad = world.beat(join);
  EXPECT_EQ(bad.error, kInvalidRegularExpression);
  EXPECT_EQ(world.group().find("b"), nullptr) << "taken back";
}

TEST(ConsumerGroup, MajorityChoosesTheAssignor) {
  ConsumerWorld world;
  Beat join = joining("a");
  join.assignor = "range";
  world.beat(join);
  EXPECT_EQ(world.describe().message.assignor_name, "range");
  EXPECT_EQ(world.describe().message.members[0].member_type, 1);
}

TEST(ConsumerGroup, OffsetsAreCommittedWithTheMembersEpoch) {
  ConsumerWorld world;
  const TopicPartition partition{"orders", 0};
  world.beat(joining("a"));
  const auto commit = [&](const std::string& member, int32_t epoch, int16_t version = 9) {
    return world.commit_error(world.commit("g", {member, epoch}, partition, 5, "", version));
  };
  EXPECT_EQ(commit("a", 2), kNone);
  EXPECT_EQ(commit("a", 3), kStaleMemberEpoch);
  EXPECT_EQ(commit("a", 1), kStaleMemberEpoch) << "from before it had the partition";
  EXPECT_EQ(commit("b", 1), kUnknownMemberId);
  EXPECT_EQ(commit("", -1), kUnknownMemberId) << "somebody is there";
  EXPECT_EQ(commit("a", 2, 8), kUnsupportedVersion);
  world.beat({.member = "a", .epoch = 2, .topics = std::vector<std::string>{"orders", "audit"}});
  EXPECT_EQ(commit("a", 2), kNone) << "it has had the partition since epoch 2";
  world.beat(leaving("a"));
  EXPECT_EQ(commit("", -1), kNone);
  EXPECT_EQ(world.fetch("g", partition), 5);
}

TEST(ConsumerGroup, IsListedDescribedAndDeleted) {
  ConsumerWorld world;
  world.beat(joining("a"));
  world.commit("g", {"a", 2}, {"orders", 0}, 5);
  const auto listed = world.coordinator.list_groups({});
  ASSERT_EQ(listed.message.groups.size(), 1U);
  EXPECT_EQ(listed.message.groups[0].group_type, "consumer");
  EXPECT_EQ(listed.message.groups[0].group_state, "Stable");
  const auto classic = world.coordinator.describe_group({6, "", ""}, "g");
  EXPECT_EQ(classic.message.error_message, "Group g is not a classic group.");
  EXPECT_EQ(world.describe("h").message.error_message, "Group h not found.");
  const auto deleted = [&] { return std::get<protocol::ErrorCode>(world.replies.extract(world.remove("g")).mapped()); };
  EXPECT_EQ(deleted(), kNonEmptyGroup);
  world.beat(leaving("a"));
  EXPECT_EQ(deleted(), kNone);
  EXPECT_EQ(world.coordinator.consumer_groups().find("g"), nullptr);
  EXPECT_EQ(world.fetch("g", {"orders", 0}), -1);
  EXPECT_EQ(consumer_digest(*world.replayed()), "");
}

TEST(ConsumerGroup, EmptyClassicGroupMakesWay) {
  ConsumerWorld world;
  world.commit("g", {"", -1}, {"orders", 0}, 5);
  EXPECT_EQ(world.beat(joining("a")).error, kNone);
  EXPECT_EQ(world.coordinator.find_group("g"), nullptr);
  EXPECT_EQ(world.fetch("g", {"orders", 0}), 5);
  EXPECT_EQ(world.replayed()->find_group("g"), nullptr);
  EXPECT_EQ(consumer_digest(*world.replayed()), consumer_digest(world.coordinator));
}

TEST(ConsumerGroup, RefusedRecordsTakeWithThemWhatWasDecidedOnThem) {
  ConsumerWorld world;
  world.beat(joining("a"));
  const std::string before = consumer_digest(world.coordinator);
  world.hold_appends = true;
  const ReplyToken second = world.send(joining("b"));
  const ReplyToken third = world.send(joining("c"));
  const ReplyToken beat = world.send({.member = "b", .epoch = 3});
  EXPECT_FALSE(world.answered(beat)) << "it would tell of what is not written";
  world.fail_one(kNotCoordinator);
  EXPECT_EQ(world.told(second).error, kNotCoordinator);
  EXPECT_EQ(world.told(third).error, kNotCoordinator);
  EXPECT_EQ(world.told(beat).error, kNotCoordinator);
  EXPECT_TRUE(world.pending.empty());
  EXPECT_EQ(consumer_digest(world.coordinator), before);
  world.hold_appends = false;
  EXPECT_EQ(world.beat(joining("b")).error, kNone);
  EXPECT_EQ(consumer_digest(*world.replayed()), consumer_digest(world.coordinator));
}

TEST(ConsumerGroup, MemberWhoseRemovalWasRefusedIsRemovedLater) {
  ConsumerWorld world;
  world.beat(joining("a"));
  world.hold_appends = true;
  world.advance(seconds(45));
  world.fail_one(kCoordinatorNotAvailable);
  EXPECT_NE(world.group().find("a"), nullptr);
  world.hold_appends = false;
  world.advance(seconds(45));
  EXPECT_EQ(world.group().find("a"), nullptr);
}

// Clients that come, go, are silent and lose their coordinator's writes: never do two have one partition, what a second
// coordinator reads is what the first one has, and in the end everything is assigned.
class ConsumerWorkload {
 public:
  explicit ConsumerWorkload(uint64_t seed) : world_({}, seed), dice_(seed) {
    for (int i = 0; i < 5; ++i) {
      clients_.push_back({.id = "m" + std::to_string(i)});
      if (i < 2) clients_.back().instance = "i" + std::to_string(i);
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      turn(clients_[dice_.below(clients_.size())]);
      if (dice_.below(20) == 0) world_.advance(milliseconds(static_cast<int64_t>(dice_.below(20'000))));
      check();
    }
    world_.settle(clients_);
    world_.settle(clients_);
    check();
    size_t total = 0;
    for (const ConsumerClient& client : clients_) total += count(client.owned);
    std::set<std::string> read;
    for (const ConsumerClient& client : clients_) read.insert(client.topics.begin(), client.topics.end());
    size_t wanted = 0;
    for (const std::string& topic : read) wanted += static_cast<size_t>(world_.topics.topics[topic].second);
    EXPECT_EQ(total, wanted);
  }

 private:
  void turn(ConsumerClient& client) {
    switch (dice_.below(12)) {
      case 0:
        if (client.epoch > 0) leave(client);
        break;
      case 1:
        client.topics =
            dice_.below(2) == 0 ? std::vector<std::string>{"orders"} : std::vector<std::string>{"orders", "payments"};
        if (client.epoch > 0) leave(client);
        break;
      case 2:
        fail(client);
        break;
      default:
        if (world_.step(client).error == kUnreleasedInstanceId) world_.advance(seconds(45));
    }
  }

  void leave(ConsumerClient& client) {
    const bool away = client.instance && dice_.below(2) == 0;
    Beat beat = leaving(client.id, away ? kLeaveStaticEpoch : kLeaveEpoch);
    beat.instance = client.instance;
    world_.beat(beat);
    client.epoch = kJoinEpoch;
    client.owned.clear();
    client.reported.reset();
    if (away) client.id = "n" + std::to_string(next_id_++);
  }

  // Its heartbeat changes something, and the log refuses it.
  void fail(ConsumerClient& client) {
    if (client.epoch <= 0) return;
    world_.hold_appends = true;
    const ReplyToken token = world_.send({.member = client.id, .epoch = client.epoch, .instance = client.instance});
    while (!world_.pending.empty()) world_.fail_one(kNotCoordinator);
    world_.hold_appends = false;
    const Told told = world_.told(token);
    if (told.error == kFencedMemberEpoch || told.error == kUnknownMemberId) {
      client.epoch = kJoinEpoch;
      client.owned.clear();
    } else if (told.error == kNone) {
      client.epoch = told.epoch;
      if (told.assignment) client.owned = *told.assignment;
    }
  }

  void check() {
    std::map<std::pair<Uuid, int32_t>, std::string> owners;
    const ConsumerGroup* group = world_.coordinator.consumer_groups().find("g");
    for (const ConsumerClient& client : clients_) {
      // Who was removed will hear of it.
      if (group == nullptr || group->find(client.id) == nullptr || client.epoch <= 0) continue;
      for (const auto& [topic, partitions] : client.owned) {
        for (const int32_t partition : partitions)
          EXPECT_TRUE(owners.emplace(std::pair(topic, partition), client.id).second)
              << client.id << " and " << owners[std::pair(topic, partition)] << " have " << partition;
      }
    }
    ASSERT_EQ(consumer_digest(*world_.replayed()), consumer_digest(world_.coordinator));
  }

  ConsumerWorld world_;
  TestRandom dice_;
  std::vector<ConsumerClient> clients_;
  int next_id_ = 0;
};

TEST(ConsumerGroup, NeverGivesOnePartitionToTwoWhateverHappens) {
  const char* given = std::getenv("WEIR_SEED");
  const uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  const uint64_t last = given == nullptr ? 60 : first;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    ConsumerWorkload(seed).run(150);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace weir::broker
