#include <gtest/gtest.h>

#include "broker/group/group_world.h"
#include "broker/group/offset_fetch.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

const TopicPartition kOrders0{"orders", 0};
const Joined kNobody{"", -1};

TEST(OffsetCommit, OfASimpleConsumerMakesItsGroup) {
  GroupWorld world;
  world.hold_appends = true;
  const ReplyToken token = world.commit("g", kNobody, kOrders0, 42, "note");
  EXPECT_FALSE(world.answered(token));
  EXPECT_EQ(world.fetch("g", kOrders0), -1);  // not before it is in the log
  world.commit_all();
  EXPECT_EQ(world.commit_error(token), kNone);
  EXPECT_EQ(world.fetch("g", kOrders0), 42);
  EXPECT_EQ(world.state("g"), "Empty");
  EXPECT_EQ(digest(world.coordinator), digest(*world.replayed()));
}

TEST(OffsetCommit, ThatCannotBeWrittenLeavesNothing) {
  GroupWorld world;
  world.hold_appends = true;
  const ReplyToken token = world.commit("g", kNobody, kOrders0, 42);
  world.fail_one(kNotCoordinator);
  EXPECT_EQ(world.commit_error(token), kNotCoordinator);
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.state("g"), "Dead");
  EXPECT_EQ(world.coordinator.memory_bytes(), 0U);
}

TEST(OffsetCommit, ThatTakesTooLongIsAnsweredAndStillCounts) {
  GroupWorld world;
  world.hold_appends = true;
  const ReplyToken token = world.commit("g", kNobody, kOrders0, 42);
  world.coordinator.timed_out(world.pending.front().id, world.now);
  world.take_effects();
  EXPECT_EQ(world.commit_error(token), kCoordinatorNotAvailable);
  world.commit_all();
  EXPECT_EQ(world.fetch("g", kOrders0), 42);
  EXPECT_FALSE(world.answered(token));
}

TEST(OffsetCommit, MembersMayCommitInTheirGenerationOnly) {
  GroupWorld world;
  const auto members = world.stable_group("g", 2);
  EXPECT_EQ(world.commit_error(world.commit("g", members[0], kOrders0, 1)), kNone);
  EXPECT_EQ(world.commit_error(world.commit("g", {members[0].id, 9}, kOrders0, 1)), kIllegalGeneration);
  EXPECT_EQ(world.commit_error(world.commit("g", {"nobody", 1}, kOrders0, 1)), kUnknownMemberId);
  EXPECT_EQ(world.commit_error(world.commit("g", kNobody, kOrders0, 1)), kUnknownMemberId);
  world.join({.member = members[0].id});
  EXPECT_EQ(world.commit_error(world.commit("g", members[1], kOrders0, 2)), kNone);  // preparing: the last chance
  world.join({.member = members[1].id});
  EXPECT_EQ(world.commit_error(world.commit("g", members[1], kOrders0, 3)), kIllegalGeneration);
  EXPECT_EQ(world.commit_error(world.commit("g", {members[1].id, 2}, kOrders0, 3)), kRebalanceInProgress);
}

TEST(OffsetCommit, ToAnUnknownGroupByAMemberIsRefusedInTheWordsOfTheVersion) {
  GroupWorld world;
  EXPECT_EQ(world.commit_error(world.commit("g", {"m", 1}, kOrders0, 1, "", 8)), kIllegalGeneration);
  EXPECT_EQ(world.commit_error(world.commit("g", {"m", 1}, kOrders0, 1, "", 9)), kGroupIdNotFound);
}

TEST(OffsetCommit, MetadataIsLimitedInUtf16Units) {
  GroupWorld world({.offset_metadata_size_max = 4});
  EXPECT_EQ(world.commit_error(world.commit("g", kNobody, kOrders0, 1, "abcd")), kNone);
  EXPECT_EQ(world.commit_error(world.commit("g", kNobody, kOrders0, 1, "abcde")), kOffsetMetadataTooLarge);
  EXPECT_EQ(world.commit_error(world.commit("g", kNobody, kOrders0, 1, "\u00e9\u00e9\u00e9\u00e9")), kNone);
  EXPECT_EQ(world.commit_error(world.commit("g", kNobody, kOrders0, 1, "\U0001f600\U0001f600x")),
            kOffsetMetadataTooLarge);
}

TEST(OffsetCommit, ForPartitionsThatDoNotExistIsRefused) {
  GroupWorld world;
  EXPECT_EQ(world.commit_error(world.commit("g", kNobody, {"nothing", 0}, 1)), kUnknownTopicOrPartition);
  EXPECT_EQ(world.commit_error(world.commit("g", kNobody, {"orders", 4}, 1)), kUnknownTopicOrPartition);
  protocol::OffsetCommitRequest request;
  request.group_id = "g";
  request.topics.resize(2);
  request.topics[0].topic_id = Uuid(1, 10);
  request.topics[0].partitions.push_back({1, 5, -1, std::nullopt});
  request.topics[1].topic_id = Uuid(9, 9);
  request.topics[1].partitions.push_back({1, 5, -1, std::nullopt});
  world.coordinator.offset_commit({10, "c", "/h"}, request, 1000, world.now);
  world.take_effects();
  auto answer = world.of<protocol::OffsetCommitResponse>(1000);
  EXPECT_EQ(answer.message.topics[0].topic_id, Uuid(1, 10));
  EXPECT_EQ(answer.message.topics[0].partitions[0].error_code, 0);
  EXPECT_EQ(answer.message.topics[1].partitions[0].error_code, error_field(kUnknownTopicId));
  EXPECT_EQ(world.fetch("g", {"orders", 1}), 5);
}

TEST(OffsetFetch, FindsNothingForUnknownGroupsAndPartitions) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 42);
  EXPECT_EQ(world.fetch("unknown", kOrders0), -1);
  EXPECT_EQ(world.fetch("g", {"orders", 1}), -1);
  EXPECT_EQ(world.fetch("g", {"nothing", 0}), -1);
}

TEST(OffsetFetch, GivesAllOffsetsOfAGroupWhenNoTopicIsNamed) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 1);
  world.commit("g", kNobody, {"payments", 2}, 2, "note");
  protocol::OffsetFetchRequest::OffsetFetchRequestGroup all;
  all.group_id = "g";
  all.topics.reset();
  auto answer = world.coordinator.offset_fetch({9, "c", "/h"}, all, false);
  ASSERT_EQ(answer.message.topics.size(), 2U);
  EXPECT_EQ(answer.message.topics[1].name, "payments");
  EXPECT_EQ(answer.message.topics[1].partitions[0].metadata, "note");
  EXPECT_EQ(answer.message.topics[1].partitions[0].committed_leader_epoch, 7);
  world.topics.topics.erase("payments");
  answer = world.coordinator.offset_fetch({10, "c", "/h"}, all, false);  // by id: only topics that have one
  ASSERT_EQ(answer.message.topics.size(), 1U);
  EXPECT_EQ(answer.message.topics[0].topic_id, Uuid(1, 10));
  EXPECT_EQ(answer.message.topics[0].name, "");
}

TEST(OffsetFetch, ByIdDoesNotFindWhatWasCommittedForADeletedTopicOfTheName) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 42);
  protocol::OffsetFetchRequest::OffsetFetchRequestGroup asked;
  asked.group_id = "g";
  const auto fetch = [&](Uuid id) {
    asked.topics = {{"", id, {0}}};
    return world.coordinator.offset_fetch({10, "c", "/h"}, asked, false).message.topics[0].partitions[0];
  };
  EXPECT_EQ(fetch(Uuid(1, 10)).committed_offset, 42);
  EXPECT_EQ(fetch(Uuid(9, 9)).error_code, error_field(kUnknownTopicId));
  world.topics.topics["orders"].first = Uuid(1, 11);
  EXPECT_EQ(fetch(Uuid(1, 11)).committed_offset, -1);
  EXPECT_EQ(fetch(Uuid(1, 11)).error_code, 0);
}

TEST(OffsetFetch, OldVersionsHaveOneGroupAtTheTop) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 42, "note");
  protocol::OffsetFetchRequest request;
  request.group_id = "g";
  request.topics = {{"orders", {0, 3}}};
  for (int16_t version = 1; version <= 7; ++version) {
    const auto groups = groups_of(request, version);
    std::vector<Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>> answers;
    answers.push_back(world.coordinator.offset_fetch({version, "c", "/h"}, groups.at(0), false));
    auto response = offset_fetch_response(std::move(answers), version);
    const auto& partitions = response.message.topics.at(0).partitions;
    EXPECT_EQ(partitions.at(0).committed_offset, 42);
    EXPECT_EQ(partitions.at(0).metadata, "note");
    EXPECT_EQ(partitions.at(1).committed_offset, -1);
    EXPECT_TRUE(response.message.groups.empty());
    std::vector<Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>> errors;
    errors.push_back(offset_fetch_error(groups.at(0), version, kNotCoordinator));
    response = offset_fetch_response(std::move(errors), version);
    EXPECT_EQ(response.message.error_code, version == 1 ? 0 : error_field(kNotCoordinator));
    EXPECT_EQ(response.message.topics.empty(), version != 1);
    if (version == 1) EXPECT_EQ(response.message.topics[0].partitions[1].error_code, error_field(kNotCoordinator));
  }
}

// What a producer sends to be committed with its transaction, as it comes from the log.
void transactional(GroupCoordinator& coordinator, int64_t at, int64_t producer, int64_t offset) {
  const CoordinatorRecord record =
      offset_record("g", kOrders0, {.offset = Offset(offset), .commit_time = Timestamp(1)});
  coordinator.on_record(Offset(at), ProducerId(producer), record.key, ByteView(*record.value));
}

int64_t fetch(const GroupCoordinator& coordinator, bool require_stable, protocol::ErrorCode error = kNone) {
  protocol::OffsetFetchRequest::OffsetFetchRequestGroup asked;
  asked.group_id = "g";
  asked.topics = {{"orders", Uuid(), {0}}};
  const auto partition =
      coordinator.offset_fetch({9, "c", "/h"}, asked, require_stable).message.topics[0].partitions[0];
  EXPECT_EQ(partition.error_code, error_field(error));
  return partition.committed_offset;
}

TEST(TransactionalOffset, IsPendingUntilTheMarkerAndReplacesOnlyAtACommit) {
  GroupWorld world;
  GroupCoordinator& coordinator = world.coordinator;
  transactional(coordinator, 0, 7, 100);
  EXPECT_EQ(fetch(coordinator, false), -1);
  EXPECT_EQ(fetch(coordinator, true, kUnstableOffsetCommit), -1);
  coordinator.on_marker(ProducerId(7), true);
  EXPECT_EQ(fetch(coordinator, true), 100);
  transactional(coordinator, 2, 7, 200);
  coordinator.on_marker(ProducerId(7), false);
  EXPECT_EQ(fetch(coordinator, true), 100);
}

TEST(TransactionalOffset, DoesNotReplaceACommitThatIsLaterInTheLog) {
  GroupWorld world;
  GroupCoordinator& coordinator = world.coordinator;
  transactional(coordinator, 10, 7, 100);
  const CoordinatorRecord later = offset_record("g", kOrders0, {.offset = Offset(300), .commit_time = Timestamp(1)});
  coordinator.on_record(Offset(11), kNoProducerId, later.key, ByteView(*later.value));
  coordinator.on_marker(ProducerId(7), true);
  EXPECT_EQ(fetch(coordinator, true), 300);
}

TEST(TransactionalOffset, IsGoneWithATombstone) {
  GroupWorld world;
  GroupCoordinator& coordinator = world.coordinator;
  transactional(coordinator, 0, 7, 100);
  const CoordinatorRecord tombstone = offset_tombstone("g", kOrders0);
  coordinator.on_record(Offset(1), kNoProducerId, tombstone.key, std::nullopt);
  EXPECT_EQ(fetch(coordinator, true), -1);
  coordinator.on_marker(ProducerId(7), true);
  EXPECT_EQ(fetch(coordinator, true), -1);
}

constexpr milliseconds kRetention{7LL * 24 * 3600'000};

TEST(Expiry, OfASimpleConsumerCountsFromTheCommit) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 1);
  world.advance(seconds(3600));
  world.commit("g", kNobody, {"orders", 1}, 2);
  world.advance(kRetention - seconds(3600) + seconds(600));
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.fetch("g", {"orders", 1}), 2);
  world.advance(seconds(3600));
  EXPECT_EQ(world.fetch("g", {"orders", 1}), -1);
  EXPECT_EQ(world.state("g"), "Dead");
  EXPECT_EQ(world.replayed()->group_ids().size(), 0U);
}

TEST(Expiry, OfAnEmptiedGroupCountsFromWhenItBecameEmpty) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1, {{"range", subscription({"payments"})}});
  world.commit("g", members[0], kOrders0, 1);
  for (milliseconds passed{0}; passed < kRetention / 2; passed += seconds(9)) {
    world.advance(seconds(9));
    world.heartbeat("g", members[0]);
  }
  world.leave("g", members[0].id);
  world.advance(kRetention - seconds(1));
  EXPECT_EQ(world.fetch("g", kOrders0), 1);
  world.advance(seconds(601));
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.state("g"), "Dead");
}

TEST(Expiry, SparesWhatALiveMemberSubscribes) {
  GroupWorld world({.offsets_retention = seconds(3600)});
  const auto members = world.stable_group("g", 1, {{"range", subscription({"payments"})}});
  world.commit("g", members[0], kOrders0, 1);
  world.commit("g", members[0], {"payments", 0}, 2);
  for (int i = 0; i < 900; ++i) {
    world.advance(seconds(9));
    EXPECT_EQ(world.heartbeat("g", members[0]), kNone);
  }
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.fetch("g", {"payments", 0}), 2);
  EXPECT_EQ(world.state("g"), "Stable");
}

TEST(Expiry, SparesEverythingOfAGroupWhoseSubscriptionsAreUnknown) {
  GroupWorld world({.offsets_retention = seconds(3600)});
  const auto members = world.stable_group("g", 1, {{"range", ByteVector{0}}});
  world.commit("g", members[0], kOrders0, 1);
  for (int i = 0; i < 900; ++i) {
    world.advance(seconds(9));
    EXPECT_EQ(world.heartbeat("g", members[0]), kNone);
  }
  EXPECT_EQ(world.fetch("g", kOrders0), 1);
}

TEST(Expiry, FollowsTheRetentionThatAnOldClientAskedFor) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 1, "", 4, 60'000);
  world.commit("g", kNobody, {"orders", 1}, 1, "", 4, -1);
  EXPECT_EQ(digest(world.coordinator).find("expires=-1") != std::string::npos, true);
  EXPECT_EQ(digest(world.coordinator), digest(*world.replayed()));
  world.advance(seconds(600));
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.fetch("g", {"orders", 1}), 1);
}

TEST(Expiry, SparesOffsetsThatAreBeingWritten) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 1);
  world.advance(kRetention - seconds(1));
  world.hold_appends = true;
  world.commit("g", kNobody, kOrders0, 2);
  world.advance(seconds(601));
  ASSERT_EQ(world.pending.size(), 1U);
  world.commit_all();
  EXPECT_EQ(world.fetch("g", kOrders0), 2);
}

TEST(Expiry, RemovesEmptyGroupsWithoutOffsets) {
  GroupWorld world;
  const auto members = world.stable_group("g", 1);
  world.leave("g", members[0].id);
  world.advance(seconds(600));
  EXPECT_EQ(world.state("g"), "Dead");
  EXPECT_TRUE(world.replayed()->group_ids().empty());
}

TEST(DeletedTopic, TakesItsOffsetsAlong) {
  GroupWorld world;
  world.commit("g", kNobody, kOrders0, 1);
  world.commit("h", kNobody, kOrders0, 1);
  world.commit("h", kNobody, {"payments", 0}, 1);
  const TopicPartition gone[] = {kOrders0, {"orders", 1}};
  world.coordinator.partitions_deleted(gone, world.now);
  world.take_effects();
  EXPECT_EQ(world.fetch("g", kOrders0), -1);
  EXPECT_EQ(world.fetch("h", kOrders0), -1);
  EXPECT_EQ(world.fetch("h", {"payments", 0}), 1);
  EXPECT_EQ(digest(world.coordinator), digest(*world.replayed()));
}

TEST(OffsetCommit, OfNewOffsetsIsRefusedWhenTheMemoryIsUsedUp) {
  GroupWorld world({.memory_max_bytes = 2'000});
  ReplyToken last = 0;
  for (int i = 0; i < 20; ++i) last = world.commit("g" + std::to_string(i), kNobody, kOrders0, i);
  EXPECT_EQ(world.commit_error(last), kCoordinatorNotAvailable);
  EXPECT_EQ(world.commit_error(world.commit("g0", kNobody, kOrders0, 77)), kNone);
  EXPECT_EQ(world.fetch("g0", kOrders0), 77);
}

}  // namespace
}  // namespace weir::broker
