#include "storage/producer_state.h"

#include <gtest/gtest.h>

#include "protocol/batch_builder.h"

namespace weir::storage {
namespace {

using protocol::RecordBatch;

class ProducerStateTest : public ::testing::Test {
 protected:
  RecordBatch batch(int32_t sequence, int16_t epoch = 0, int records = 1, bool transactional = false) {
    protocol::BatchBuilder builder({.is_transactional = transactional,
                                    .producer_id = kProducer,
                                    .producer_epoch = ProducerEpoch(epoch),
                                    .base_sequence = sequence});
    for (int i = 0; i < records; ++i) builder.append(Timestamp(100), {}, {});
    kept_.push_back(to_vector(builder.finish().bytes));
    return RecordBatch(kept_.back());
  }
  ProducerVerdict verdict(const RecordBatch& of, bool starts_at_zero = false) {
    return state_.judge(of, starts_at_zero).verdict;
  }

  static constexpr ProducerId kProducer{17};
  ProducerState state_;
  std::deque<ByteVector> kept_;
};

TEST_F(ProducerStateTest, UnknownProducerMayStartAnywhereUnlessItsProtocolSaysZero) {
  EXPECT_EQ(verdict(batch(55)), ProducerVerdict::kAccepted);
  EXPECT_EQ(verdict(batch(55), true), ProducerVerdict::kOutOfSequence);
  EXPECT_EQ(verdict(batch(0), true), ProducerVerdict::kAccepted);
}

TEST_F(ProducerStateTest, NewEpochsStartAtZeroAndOldOnesAreFenced) {
  state_.note(batch(0, 3), Offset(0));
  EXPECT_EQ(verdict(batch(1, 3)), ProducerVerdict::kAccepted);
  EXPECT_EQ(verdict(batch(1, 2)), ProducerVerdict::kStaleEpoch);
  EXPECT_EQ(verdict(batch(1, 4)), ProducerVerdict::kOutOfSequence);
  EXPECT_EQ(verdict(batch(0, 4)), ProducerVerdict::kAccepted);
  state_.note(batch(0, 4), Offset(1));
  EXPECT_EQ(verdict(batch(0, 3)), ProducerVerdict::kStaleEpoch);
}

TEST_F(ProducerStateTest, SequencesWrapAround) {
  state_.note(batch(INT32_MAX - 1, 0, 2), Offset(0));
  EXPECT_EQ(verdict(batch(0)), ProducerVerdict::kAccepted);
  const RecordBatch across = batch(INT32_MAX, 0, 3);
  EXPECT_EQ(across.last_sequence(), 1);
  EXPECT_EQ(verdict(across), ProducerVerdict::kOutOfSequence);
  state_.note(batch(0, 0, INT16_MAX), Offset(2));
  EXPECT_EQ(verdict(batch(INT32_MAX - 1, 0, 2)), ProducerVerdict::kDuplicate);
}

TEST_F(ProducerStateTest, RepetitionsMustMatchBothEnds) {
  state_.note(batch(0, 0, 4), Offset(10));
  const ProducerJudgement same = state_.judge(batch(0, 0, 4), false);
  EXPECT_EQ(same.verdict, ProducerVerdict::kDuplicate);
  EXPECT_EQ(same.duplicate.first_offset(), Offset(10));
  EXPECT_EQ(verdict(batch(0, 0, 3)), ProducerVerdict::kOutOfSequence);
  EXPECT_EQ(verdict(batch(1, 0, 3)), ProducerVerdict::kOutOfSequence);
}

TEST_F(ProducerStateTest, MarkersEndTransactionsAndFenceOldCoordinators) {
  state_.note(batch(0, 1, 1, true), Offset(5));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(5));
  EXPECT_EQ(verdict(batch(1, 1)), ProducerVerdict::kTransactionOpen);
  EXPECT_EQ(state_.judge_marker(kProducer, ProducerEpoch(0), 0, false), ProducerVerdict::kStaleEpoch);
  EXPECT_EQ(state_.judge_marker(kProducer, ProducerEpoch(1), 0, true), ProducerVerdict::kStaleEpoch);
  EXPECT_EQ(state_.judge_marker(kProducer, ProducerEpoch(2), 0, true), ProducerVerdict::kAccepted);
  const auto aborted = state_.note_marker(kProducer, ProducerEpoch(1), Offset(6), {true, 3, Timestamp(200)});
  EXPECT_EQ(aborted, (AbortedTransaction{kProducer, Offset(5), Offset(6), Offset(7)}));
  EXPECT_EQ(state_.judge_marker(kProducer, ProducerEpoch(1), 2, false), ProducerVerdict::kStaleCoordinator);
  EXPECT_EQ(verdict(batch(1, 1)), ProducerVerdict::kAccepted);
  // A marker of the same epoch does not end the sequence; one of a new epoch does.
  EXPECT_FALSE(state_.note_marker(kProducer, ProducerEpoch(2), Offset(8), {false, 3, Timestamp(300)}));
  EXPECT_EQ(state_.producers().at(kProducer).last_sequence(), protocol::kNoSequence);
  EXPECT_EQ(verdict(batch(0, 2)), ProducerVerdict::kAccepted);
  state_.advance_high_watermark(Offset(6));
  EXPECT_EQ(state_.first_unstable_offset(), Offset(5));
  state_.advance_high_watermark(Offset(7));
  EXPECT_EQ(state_.first_unstable_offset(), std::nullopt);
}

TEST_F(ProducerStateTest, SnapshotsComeBackAndDamagedOnesAreRefused) {
  state_.note(batch(7, 2, 3, true), Offset(40));
  const ByteVector bytes = state_.snapshot();
  EXPECT_EQ(bytes.size(), 56u);
  ProducerState loaded;
  ASSERT_TRUE(loaded.load_snapshot(bytes, Offset(43), Timestamp(1'000'000), milliseconds(10)));
  EXPECT_EQ(loaded.snapshot(), bytes);  // an open transaction keeps an idle producer
  EXPECT_EQ(loaded.first_unstable_offset(), Offset(40));
  EXPECT_EQ(loaded.judge(batch(7, 2, 3, true), false).verdict, ProducerVerdict::kDuplicate);
  for (size_t i = 0; i < bytes.size(); ++i) {
    ByteVector damaged = bytes;
    damaged[i] ^= 1;
    EXPECT_FALSE(loaded.load_snapshot(damaged, Offset(1), Timestamp(0), milliseconds(10))) << i;
    EXPECT_FALSE(loaded.load_snapshot(ByteView(bytes).first(i), Offset(1), Timestamp(0), milliseconds(10))) << i;
  }
  EXPECT_EQ(loaded.snapshot(), bytes);
}

TEST_F(ProducerStateTest, IdleProducersAreForgottenUnlessATransactionIsOpen) {
  state_.note(batch(0), Offset(0));
  state_.expire(Timestamp(109), milliseconds(10));
  EXPECT_EQ(state_.producer_count(), 1u);
  state_.expire(Timestamp(110), milliseconds(10));
  EXPECT_EQ(state_.producer_count(), 0u);
}

}  // namespace
}  // namespace weir::storage
