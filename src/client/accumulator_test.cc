#include "client/accumulator.h"

#include <gtest/gtest.h>

namespace weir::client {
namespace {

using protocol::ErrorCode;

constexpr ProducerIdentity kIdentity{ProducerId(7), ProducerEpoch(0)};

class AccumulatorTest : public ::testing::Test {
 protected:
  using Verdict = Accumulator::Verdict;

  AccumulatorTest() {
    batches_.set_identity(kIdentity);
    options_.linger = milliseconds(5);
    options_.batch_size = 200;
    options_.buffer_memory = 1000;
  }

  void append(std::string value) {
    ProducerRecord record{.topic = "t", .value = std::move(value), .timestamp = Timestamp(1)};
    batches_.append(place_, record, [this](const Result<Delivery>& fate) { fates_.push_back(fate); }, now_);
  }
  bool is_ready() { return !batches_.ready(now_, false).empty(); }
  Batch* take() {
    CHECK(!batches_.ready(now_, true).empty());
    return batches_.take(place_);
  }

  // The next batch goes out and nothing is heard of it.
  Batch* take_and_doubt() {
    Batch* batch = take();
    batches_.send_again(batch, Verdict::kUncertain, now_);
    return batch;
  }
  void lose_track(Batch* batch) { batches_.lost_track(batch, {Errc::kOutOfOrderSequence, "out of order"}, now_); }
  bool nothing_can_be_sent() { return batches_.ready(now_, true).empty(); }

  TopicPartition place_{"t", PartitionIndex(0)};
  MonotonicTime now_{seconds(1)};
  ProducerOptions options_;
  std::vector<Result<Delivery>> fates_;
  Accumulator batches_{options_};
};

TEST_F(AccumulatorTest, BatchIsReadyWhenItIsFullOrHasLingered) {
  append("a");
  EXPECT_FALSE(is_ready());
  EXPECT_EQ(batches_.next_deadline(now_), now_ + milliseconds(5));
  now_ += milliseconds(5);
  EXPECT_TRUE(is_ready());
  take();
  append(std::string(150, 'x'));
  EXPECT_FALSE(is_ready());
  append(std::string(150, 'x'));
  EXPECT_TRUE(is_ready());
}

TEST_F(AccumulatorTest, RecordsLearnTheirOffsetsFromThatOfTheirBatch) {
  append("a");
  append("b");
  batches_.succeeded(take(), Offset(40), kNoTimestamp);
  ASSERT_EQ(fates_.size(), 2u);
  EXPECT_EQ(fates_[0]->offset, Offset(40));
  EXPECT_EQ(fates_[1]->offset, Offset(41));
  EXPECT_EQ(batches_.records_pending(), 0u);
}

TEST_F(AccumulatorTest, SequencesCountRecordsAndStayThroughRetries) {
  append("a");
  append("b");
  Batch* first = take();
  append("c");
  Batch* second = take();
  EXPECT_EQ(first->sequence, 0);
  EXPECT_EQ(second->sequence, 2);
  batches_.send_again(second, Verdict::kUncertain, now_);
  batches_.send_again(first, Verdict::kUncertain, now_);
  EXPECT_EQ(take()->sequence, 0);
}

TEST_F(AccumulatorTest, NothingNewerIsSentWhileABatchIsSentAgain) {
  append("a");
  Batch* first = take();
  batches_.send_again(first, Verdict::kUncertain, now_ + milliseconds(100));
  append("b");
  EXPECT_TRUE(batches_.ready(now_, true).empty());
  now_ += milliseconds(100);
  EXPECT_EQ(take(), first);
  EXPECT_TRUE(batches_.ready(now_, true).empty());
  batches_.succeeded(first, Offset(0), kNoTimestamp);
  EXPECT_FALSE(batches_.ready(now_, true).empty());
}

TEST_F(AccumulatorTest, AtMostFiveBatchesOfAPartitionAreInFlight) {
  for (int i = 0; i < 5; ++i) {
    append("a");
    take();
  }
  append("b");
  EXPECT_TRUE(batches_.ready(now_, true).empty());
}

TEST_F(AccumulatorTest, WithoutIdempotenceOnlyOneBatchOfAPartitionIsInFlight) {
  options_.idempotent = false;
  append("a");
  EXPECT_EQ(take()->sequence, -1);
  append("b");
  EXPECT_TRUE(batches_.ready(now_, true).empty());
}

TEST_F(AccumulatorTest, ErrorsSayWhetherTheBatchMayBeStored) {
  append("a");
  Batch* first = take();
  append("b");
  Batch* second = take();
  EXPECT_EQ(batches_.judge(*second, ErrorCode::kOutOfOrderSequenceNumber), Verdict::kRefused);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kOutOfOrderSequenceNumber), Verdict::kLostTrack);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kUnknownProducerId), Verdict::kLostTrack);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kInvalidProducerEpoch), Verdict::kLostTrack);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kNotEnoughReplicas), Verdict::kRefused);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kNotEnoughReplicasAfterAppend), Verdict::kUncertain);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kRequestTimedOut), Verdict::kUncertain);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kNotLeaderOrFollower), Verdict::kUncertain)
      << "a leader that steps down answers so for what it has appended";
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kKafkaStorageError), Verdict::kUncertain);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kMessageTooLarge), Verdict::kGivenUp);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kDuplicateSequenceNumber), Verdict::kStored);
}

TEST_F(AccumulatorTest, OutOfOrderIsNoSurpriseBehindABatchThatWaitsToBeSentAgain) {
  append("a");
  Batch* first = take();
  append("b");
  Batch* second = take();
  batches_.send_again(first, Verdict::kUncertain, now_);
  EXPECT_EQ(batches_.judge(*second, ErrorCode::kOutOfOrderSequenceNumber), Verdict::kRefused);
}

// It was taken for one behind another as long as a newer one waited, and sent in vain until its time was up.
TEST_F(AccumulatorTest, OutOfOrderIsASurpriseForTheOldestThoughNewerOnesWait) {
  append("a");
  Batch* first = take();
  append("b");
  Batch* second = take();
  batches_.send_again(second, Verdict::kRefused, now_);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kOutOfOrderSequenceNumber), Verdict::kLostTrack);
}

// Two batches that were opened at one time changed places, and the broker refused the second before the first for ever.
TEST_F(AccumulatorTest, BatchesOfOneMomentAreSentAgainInTheirOrder) {
  append(std::string(250, 'a'));
  Batch* first = take();
  append(std::string(250, 'b'));
  Batch* second = take();
  batches_.send_again(first, Verdict::kUncertain, now_);
  batches_.send_again(second, Verdict::kUncertain, now_);
  EXPECT_EQ(take(), first);
}

TEST_F(AccumulatorTest, ANewEpochNumbersWaitingBatchesFromZero) {
  append("a");
  Batch* lost = take();
  append("b");
  Batch* behind = take();
  batches_.failed(lost, {Errc::kTooLarge, "too large"});
  EXPECT_TRUE(nothing_can_be_sent()) << "before it is known what became of the batch on its way";
  batches_.send_again(behind, Verdict::kRefused, now_);
  Batch* again = take();
  EXPECT_EQ(again, behind);
  EXPECT_EQ(again->sequence, 0);
  const protocol::RecordBatch bytes(again->bytes.bytes);
  EXPECT_EQ(bytes.producer_id(), kIdentity.id);
  EXPECT_EQ(bytes.producer_epoch(), ProducerEpoch(1));
  EXPECT_EQ(bytes.base_sequence(), 0);
  EXPECT_TRUE(bytes.crc_matches());
}

// A batch that the broker had stored, and whose answer was lost with the connection, was numbered anew because another
// partition had lost one; the broker could not recognise it and stored it twice.
TEST_F(AccumulatorTest, APartitionThatBeginsANewEpochLeavesTheOthersTheirNumbers) {
  append("a");
  Batch* stored = take_and_doubt();
  const TopicPartition other{"t", PartitionIndex(1)};
  batches_.append(other, {.topic = "t", .value = "x", .timestamp = Timestamp(1)}, nullptr, now_);
  batches_.failed(batches_.take(other), {Errc::kTooLarge, "too large"});
  batches_.append(other, {.topic = "t", .value = "y", .timestamp = Timestamp(1)}, nullptr, now_);
  EXPECT_EQ(batches_.take(other)->identity.epoch, ProducerEpoch(1));
  EXPECT_EQ(take(), stored);
  EXPECT_EQ(stored->identity.epoch, ProducerEpoch(0));
  append("b");
  batches_.succeeded(stored, Offset(0), kNoTimestamp);
  EXPECT_EQ(take()->sequence, 1);
}

TEST_F(AccumulatorTest, BatchesInDoubtAreDecidedUnderTheirOldEpochBeforeANewOneBegins) {
  append("a");
  Batch* lost = take();
  append("b");
  Batch* in_doubt = take();
  append("c");
  batches_.send_again(in_doubt, Verdict::kUncertain, now_);
  batches_.failed(lost, {Errc::kTooLarge, "too large"});
  EXPECT_EQ(take(), in_doubt);
  EXPECT_EQ(in_doubt->sequence, 1);
  EXPECT_EQ(in_doubt->identity.epoch, ProducerEpoch(0));
  EXPECT_TRUE(nothing_can_be_sent());
  batches_.succeeded(in_doubt, Offset(1), kNoTimestamp);
  Batch* never_sent = take();
  EXPECT_EQ(never_sent->sequence, 0);
  EXPECT_EQ(never_sent->identity.epoch, ProducerEpoch(1));
}

TEST_F(AccumulatorTest, ABatchInDoubtFailsWhenTheBrokerLostTrackAndThoseAlwaysRefusedAreNumberedAnew) {
  append("a");
  Batch* in_doubt = take();
  append("b");
  Batch* refused = take();
  batches_.send_again(in_doubt, Verdict::kUncertain, now_);
  batches_.send_again(refused, Verdict::kRefused, now_);
  ASSERT_EQ(take(), in_doubt);
  ASSERT_EQ(batches_.judge(*in_doubt, ErrorCode::kOutOfOrderSequenceNumber), Verdict::kLostTrack);
  lose_track(in_doubt);
  ASSERT_EQ(fates_.size(), 1u);
  EXPECT_EQ(fates_[0].error().code, Errc::kOutOfOrderSequence);
  EXPECT_NE(fates_[0].error().message.find("may have stored it"), std::string::npos);
  EXPECT_EQ(take(), refused);
  EXPECT_EQ(refused->sequence, 0);
  EXPECT_EQ(refused->identity.epoch, ProducerEpoch(1));
}

TEST_F(AccumulatorTest, ABatchThatWasOnlyRefusedIsSentAgainUnderANewEpoch) {
  append("a");
  Batch* batch = take();
  lose_track(batch);
  EXPECT_TRUE(fates_.empty());
  EXPECT_EQ(take(), batch);
  EXPECT_EQ(batch->sequence, 0);
  EXPECT_EQ(batch->identity.epoch, ProducerEpoch(1));
}

TEST_F(AccumulatorTest, ARefusalDoesNotEndTheDoubtOfAnEarlierAttempt) {
  append("a");
  Batch* batch = take_and_doubt();
  ASSERT_EQ(take(), batch);
  batches_.send_again(batch, Verdict::kRefused, now_);
  ASSERT_EQ(take(), batch);
  lose_track(batch);
  EXPECT_EQ(fates_.size(), 1u);
}

TEST_F(AccumulatorTest, AfterTheLastEpochAPartitionTakesANewProducerId) {
  batches_.set_identity({kIdentity.id, ProducerEpoch(INT16_MAX)});
  append("a");
  Batch* batch = take();
  lose_track(batch);
  EXPECT_TRUE(batches_.identity_wanted());
  batches_.set_identity({ProducerId(8), ProducerEpoch(0)});
  EXPECT_EQ(take(), batch);
  EXPECT_EQ(batch->identity.id, ProducerId(8));
  EXPECT_EQ(batch->sequence, 0);
}

TEST_F(AccumulatorTest, AnExpiredBatchSaysWhetherItMayBeStored) {
  append("a");
  take_and_doubt();
  append("b");
  now_ += options_.delivery_timeout;
  EXPECT_TRUE(batches_.expire(now_));
  ASSERT_EQ(fates_.size(), 2u);
  EXPECT_NE(fates_[0].error().message.find("may have been stored"), std::string::npos);
  EXPECT_NE(fates_[1].error().message.find("never sent"), std::string::npos);
  append("c");
  EXPECT_EQ(take()->identity.epoch, ProducerEpoch(1)) << "the broker may miss what expired";
}

TEST_F(AccumulatorTest, ExpiredBatchThatWasNeverSentLeavesNoGap) {
  append("a");
  now_ += options_.delivery_timeout;
  EXPECT_TRUE(batches_.expire(now_));
  ASSERT_EQ(fates_.size(), 1u);
  EXPECT_EQ(fates_[0].error().code, Errc::kTimedOut);
  append("b");
  Batch* next = take();
  EXPECT_EQ(next->sequence, 0);
  EXPECT_EQ(next->identity.epoch, ProducerEpoch(0));
}

TEST_F(AccumulatorTest, BufferIsFullUntilABatchIsDecided) {
  EXPECT_TRUE(batches_.has_room(5000)) << "an empty buffer takes a record of any size";
  append(std::string(900, 'x'));
  EXPECT_FALSE(batches_.has_room(200));
  batches_.succeeded(take(), Offset(0), kNoTimestamp);
  EXPECT_TRUE(batches_.has_room(200));
}

}  // namespace
}  // namespace weir::client
