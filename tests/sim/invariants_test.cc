// Each invariant must bite: it is shown the history that it exists for, beside one that is well.
#include "sim/invariants.h"

#include <gtest/gtest.h>

namespace weir::sim {
namespace {

class InvariantsTest : public ::testing::Test {
 protected:
  void send(int64_t number) { history_.report(&Invariant::on_sent, "t-0", RecordId{"p", number}); }
  void acknowledge(int64_t offset, int64_t number) {
    history_.report(&Invariant::on_acknowledged, "t-0", Offset(offset), RecordId{"p", number});
  }
  static FoundRecord record(int64_t offset, int64_t number) {
    return {Offset(offset), record_value("t-0", {"p", number}, 40)};
  }
  void fetch(int64_t offset, int64_t number) { history_.report(&Invariant::on_fetched, "t-0", record(offset, number)); }
  void read_whole(int64_t start, std::vector<FoundRecord> records) {
    const Offset end = records.empty() ? Offset(start) : records.back().offset + 1;
    history_.report(&Invariant::on_read_whole, "t-0", WholeLog{Offset(start), end, std::move(records)});
  }
  [[nodiscard]] std::string broken() const { return simulation_.failure().substr(0, simulation_.failure().find(':')); }

  Simulation simulation_{1};
  History history_{simulation_};
};

TEST_F(InvariantsTest, HoldWhenEverythingIsWell) {
  for (int64_t i = 0; i < 3; ++i) send(i);
  acknowledge(0, 0);
  acknowledge(2, 2);
  for (int64_t i = 0; i < 3; ++i) fetch(i, i);
  fetch(1, 1);
  history_.report(&Invariant::on_high_watermark, "t-0", Offset(3));
  history_.report(&Invariant::on_high_watermark, "t-0", Offset(3));
  read_whole(0, {record(0, 0), record(1, 1), record(2, 2)});
  history_.report(&Invariant::on_recovery, true, "");
  history_.report(&Invariant::on_progress, "all", true);
  EXPECT_EQ(simulation_.failure(), "");
}

TEST_F(InvariantsTest, MissingAcknowledgedRecordIsNoticed) {
  send(0);
  acknowledge(0, 0);
  read_whole(0, {});
  EXPECT_EQ(broken(), "AcknowledgedRecordIsNeverLost");
}

TEST_F(InvariantsTest, OtherRecordAtAnAcknowledgedOffsetIsNoticed) {
  send(0);
  send(1);
  acknowledge(0, 0);
  read_whole(0, {record(0, 1)});
  EXPECT_EQ(broken(), "AcknowledgedRecordIsNeverLost");
}

TEST_F(InvariantsTest, LogThatStartsLaterThanAskedForIsNoticed) {
  history_.report(&Invariant::on_deleted_before, "t-0", Offset(5));
  read_whole(5, {});
  EXPECT_EQ(broken(), "");
  read_whole(6, {});
  EXPECT_EQ(broken(), "AcknowledgedRecordIsNeverLost");
}

TEST_F(InvariantsTest, UnflushedRecordsMayBeLostOnlyWithThePower) {
  send(0);
  acknowledge(0, 0);
  history_.report(&Invariant::on_unflushed_records_lost);
  read_whole(0, {});
  EXPECT_EQ(broken(), "");
}

TEST_F(InvariantsTest, DuplicateIsNoticed) {
  send(0);
  acknowledge(0, 0);
  fetch(1, 0);
  EXPECT_EQ(broken(), "NoRecordIsDuplicatedOrReordered");
}

TEST_F(InvariantsTest, ReorderingIsNoticedWhicheverIsSeenFirst) {
  send(0);
  send(1);
  fetch(1, 0);
  fetch(0, 1);
  EXPECT_EQ(broken(), "NoRecordIsDuplicatedOrReordered");
}

TEST_F(InvariantsTest, RetreatingHighWatermarkIsNoticed) {
  history_.report(&Invariant::on_high_watermark, "t-0", Offset(3));
  history_.report(&Invariant::on_high_watermark, "t-1", Offset(2));
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_high_watermark, "t-0", Offset(2));
  EXPECT_EQ(broken(), "HighWatermarkNeverRetreats");
}

TEST_F(InvariantsTest, LogThatEndsBelowWhatWasCommittedIsNoticed) {
  send(0);
  history_.report(&Invariant::on_shown_to_be_committed, "t-0", Offset(2));
  history_.report(&Invariant::on_shown_to_be_committed, "t-0", Offset(1));  // by a new leader
  read_whole(0, {record(0, 0)});
  EXPECT_EQ(broken(), "CommittedOffsetsOfALogStay");
}

TEST_F(InvariantsTest, ReplicasThatDifferAreNoticed) {
  history_.report(&Invariant::on_replica_read, "t-0", NodeId(1), uint64_t{10}, uint64_t{7});
  history_.report(&Invariant::on_replica_read, "t-1", NodeId(1), uint64_t{12}, uint64_t{9});
  history_.report(&Invariant::on_replica_read, "t-0", NodeId(2), uint64_t{10}, uint64_t{7});
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_replica_read, "t-0", NodeId(3), uint64_t{10}, uint64_t{8});
  EXPECT_EQ(broken(), "ReplicasAreTheSame");
}

TEST_F(InvariantsTest, RecordThatNobodySentIsNoticed) {
  fetch(0, 0);
  EXPECT_EQ(broken(), "FetchedRecordsMatchWhatWasProduced");
}

TEST_F(InvariantsTest, ChangedByteIsNoticed) {
  send(0);
  FoundRecord changed = record(0, 0);
  changed.value.back() ^= 1;
  history_.report(&Invariant::on_fetched, "t-0", changed);
  EXPECT_EQ(broken(), "FetchedRecordsMatchWhatWasProduced");
}

TEST_F(InvariantsTest, RecordOfAnotherPlaceIsNoticed) {
  history_.report(&Invariant::on_sent, "t-1", RecordId{"p", 0});
  history_.report(&Invariant::on_fetched, "t-1", record(0, 0));
  EXPECT_EQ(broken(), "FetchedRecordsMatchWhatWasProduced");
}

TEST_F(InvariantsTest, TwoRecordsAtOneOffsetAreNoticed) {
  send(0);
  send(1);
  fetch(0, 0);
  fetch(0, 1);
  EXPECT_NE(broken(), "");
}

TEST_F(InvariantsTest, LostCommitIsNoticed) {
  auto begin = [&](int64_t offset) { history_.report(&Invariant::on_commit_begun, "g", "t-0", Offset(offset)); };
  auto found = [&](int64_t offset) { history_.report(&Invariant::on_committed_found, "g", "t-0", Offset(offset)); };
  found(-1);
  begin(3);
  found(3);
  found(-1);
  history_.report(&Invariant::on_commit_acknowledged, "g", "t-0", Offset(3));
  begin(5);
  found(3);
  found(5);
  EXPECT_EQ(broken(), "");
  found(-1);
  EXPECT_EQ(broken(), "CommittedOffsetIsNeverLost");
}

TEST_F(InvariantsTest, LostTopicIsNoticed) {
  history_.report(&Invariant::on_topic_asked_for, "a");
  history_.report(&Invariant::on_topics_listed, std::vector<std::string>{});
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_topic_created, "a");
  history_.report(&Invariant::on_topics_listed, std::vector<std::string>{"b"});
  EXPECT_EQ(broken(), "TopicsAreThoseThatWereMade");
}

TEST_F(InvariantsTest, TopicThatComesBackIsNoticed) {
  history_.report(&Invariant::on_topic_deletion_asked_for, "a");
  history_.report(&Invariant::on_topics_listed, std::vector<std::string>{"a"});
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_topic_deleted, "a");
  history_.report(&Invariant::on_topics_listed, std::vector<std::string>{"a"});
  EXPECT_EQ(broken(), "TopicsAreThoseThatWereMade");
}

TEST_F(InvariantsTest, SecondLeaderOfAnEpochIsNoticed) {
  history_.report(&Invariant::on_leads, NodeId(1), LeaderEpoch(4));
  history_.report(&Invariant::on_leads, NodeId(1), LeaderEpoch(4));
  history_.report(&Invariant::on_leads, NodeId(2), LeaderEpoch(5));
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_leads, NodeId(2), LeaderEpoch(4));
  EXPECT_EQ(broken(), "AtMostOneLeaderPerEpoch");
}

TEST_F(InvariantsTest, SecondVoteInAnEpochIsNoticed) {
  history_.report(&Invariant::on_vote, NodeId(1), LeaderEpoch(4), NodeId(2));
  history_.report(&Invariant::on_vote, NodeId(1), LeaderEpoch(4), NodeId(2));
  history_.report(&Invariant::on_vote, NodeId(1), LeaderEpoch(5), NodeId(3));
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_vote, NodeId(1), LeaderEpoch(4), NodeId(3));
  EXPECT_EQ(broken(), "NobodyVotesTwiceInAnEpoch");
}

TEST_F(InvariantsTest, DifferentCommittedBatchesAreNoticed) {
  history_.report(&Invariant::on_metadata_committed, NodeId(1), Offset(4), uint64_t{17});
  history_.report(&Invariant::on_metadata_committed, NodeId(2), Offset(4), uint64_t{17});
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_metadata_committed, NodeId(3), Offset(4), uint64_t{18});
  EXPECT_EQ(broken(), "CommittedMetadataIsTheSameEverywhere");
}

TEST_F(InvariantsTest, LostMetadataAreNoticed) {
  history_.report(&Invariant::on_metadata_acknowledged, Offset(4), "a");
  history_.report(&Invariant::on_metadata_read, NodeId(1), Offset(4), std::set<std::string>{});
  history_.report(&Invariant::on_metadata_read, NodeId(1), Offset(5), std::set<std::string>{"a"});
  EXPECT_EQ(broken(), "");
  history_.report(&Invariant::on_metadata_read, NodeId(2), Offset(5), std::set<std::string>{"b"});
  EXPECT_EQ(broken(), "AcknowledgedMetadataIsNeverLost");
}

TEST_F(InvariantsTest, FailedRecoveryIsNoticed) {
  history_.report(&Invariant::on_recovery, false, "cannot open a log");
  EXPECT_EQ(simulation_.failure(), "LogRecoversAfterEveryCrash: cannot open a log");
}

TEST_F(InvariantsTest, StandstillIsNoticed) {
  history_.report(&Invariant::on_progress, "a producer", false);
  EXPECT_EQ(broken(), "EverythingGoesOnWhenFaultsEnd");
}

TEST(RecordValue, SaysWhichRecordItIsAtEverySize) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{100}, size_t{5000}}) {
    const std::string value = record_value("t-0", {"producer", 17}, size);
    EXPECT_GE(value.size(), size);
    EXPECT_EQ(parse_record_value("t-0", value), (RecordId{"producer", 17}));
    EXPECT_EQ(parse_record_value("t-1", value), std::nullopt);
    EXPECT_EQ(parse_record_value("t-0", value + "x"), std::nullopt);
  }
  EXPECT_EQ(parse_record_value("t-0", "t-0/p/1/99999999999/"), std::nullopt);
  EXPECT_EQ(parse_record_value("t-0", ""), std::nullopt);
}

}  // namespace
}  // namespace weir::sim
