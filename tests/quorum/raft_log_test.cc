// The log of the metadata as replicas see it: what they need of it, and where they part from it.
#include "quorum/raft_log.h"

#include <gtest/gtest.h>

#include "protocol/batch_builder.h"
#include "sim/machine.h"

namespace weir::quorum {
namespace {

using Needs = RaftLog::ReplicaNeeds;

class RaftLogTest : public ::testing::Test {
 protected:
  RaftLogTest() : fabric_(simulation_), machine_(simulation_, fabric_, "a") {
    machine_.start(1);
    EXPECT_TRUE(machine_.disk().create_directories("/data"));
    log_ = *RaftLog::open(machine_.disk(), "/data", {}, Timestamp(1));
  }
  ~RaftLogTest() override {
    log_.reset();
    machine_.kill();
  }

  void append(int epoch, int count = 1) {
    for (int i = 0; i < count; ++i) {
      protocol::BatchBuilder batch(protocol::BatchOptions{});
      batch.append(Timestamp(1), std::nullopt, as_bytes("x"));
      EXPECT_TRUE(log_->append(batch.finish(), LeaderEpoch(epoch), Timestamp(1)));
    }
  }
  [[nodiscard]] Needs needs(int64_t offset, int epoch) const {
    return log_->needs_of(Offset(offset), LeaderEpoch(epoch));
  }

  sim::Simulation simulation_{1};
  sim::Fabric fabric_;
  sim::Machine machine_;
  std::unique_ptr<RaftLog> log_;
};

TEST_F(RaftLogTest, ReplicaGoesOnWhereItsLogIsTheSame) {
  append(1, 3);
  append(4, 2);
  EXPECT_EQ(needs(0, 0), Needs::kRecords);
  EXPECT_EQ(needs(2, 1), Needs::kRecords);
  EXPECT_EQ(needs(3, 1), Needs::kRecords);
  EXPECT_EQ(needs(5, 4), Needs::kRecords);
}

TEST_F(RaftLogTest, ReplicaThatWentAnotherWayIsToldWhere) {
  append(1, 3);
  append(4, 2);
  EXPECT_EQ(needs(4, 1), Needs::kTruncation) << "epoch 1 ended before";
  EXPECT_EQ(needs(4, 2), Needs::kTruncation) << "there was no epoch 2 here";
  EXPECT_EQ(log_->end_of_epoch(LeaderEpoch(2)), (storage::EpochEnd{LeaderEpoch(1), Offset(3)}));
  EXPECT_EQ(needs(6, 4), Needs::kTruncation);
  EXPECT_EQ(log_->end_of_epoch(LeaderEpoch(4)), (storage::EpochEnd{LeaderEpoch(4), Offset(5)}));
}

TEST_F(RaftLogTest, TailThatTheLeaderLacksIsCutWhereBothKnowTheEpoch) {
  append(1, 3);
  append(2, 3);
  // The leader's epoch 2 is shorter; it has none; it ends in an epoch that is not known here.
  EXPECT_EQ(log_->truncation_point({LeaderEpoch(2), Offset(4)}), Offset(4));
  EXPECT_EQ(log_->truncation_point({LeaderEpoch(1), Offset(3)}), Offset(3));
  EXPECT_EQ(log_->truncation_point({LeaderEpoch(1), Offset(9)}), Offset(3));
  ASSERT_TRUE(log_->truncate_to({LeaderEpoch(1), Offset(3)}, Timestamp(1)));
  EXPECT_EQ(log_->end_offset(), Offset(3));
  EXPECT_EQ(log_->last_epoch(), LeaderEpoch(1));
}

TEST_F(RaftLogTest, LogBehindASnapshotKnowsTheEpochThatEndedThere) {
  log_->add_snapshot({Offset(24), LeaderEpoch(2)}, {1, Timestamp(1)});
  log_->add_snapshot({Offset(48), LeaderEpoch(3)}, {1, Timestamp(1)});
  ASSERT_TRUE(log_->start_at_newest_snapshot(Timestamp(1)));
  EXPECT_EQ(log_->start_offset(), Offset(48));
  EXPECT_EQ(log_->last_epoch(), LeaderEpoch(3));
  append(5);
  EXPECT_EQ(needs(48, 3), Needs::kRecords) << "the older snapshot is not the one that the log goes on behind";
  EXPECT_EQ(needs(49, 5), Needs::kRecords);
  EXPECT_EQ(needs(49, 4), Needs::kTruncation);
  EXPECT_EQ(log_->end_of_epoch(LeaderEpoch(4)), (storage::EpochEnd{LeaderEpoch(3), Offset(48)}));
  EXPECT_EQ(needs(0, 0), Needs::kSnapshot);
  EXPECT_EQ(needs(47, 3), Needs::kSnapshot);
  EXPECT_EQ(needs(48, 2), Needs::kSnapshot);
}

}  // namespace
}  // namespace weir::quorum
