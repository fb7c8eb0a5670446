#include "client/accumulator.h"

#include <gtest/gtest.h>

namespace weir::client {
namespace {

using protocol::ErrorCode;

constexpr ProducerIdentity kIdentity{ProducerId(7), ProducerEpoch(0)};

class AccumulatorTest : public ::testing::Test {
 protected:
  AccumulatorTest() {
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
    return batches_.take(place_, kIdentity);
  }

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
  batches_.send_again(second, now_);
  batches_.send_again(first, now_);
  EXPECT_EQ(take()->sequence, 0);
}

TEST_F(AccumulatorTest, NothingNewerIsSentWhileABatchIsSentAgain) {
  append("a");
  Batch* first = take();
  batches_.send_again(first, now_ + milliseconds(100));
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

TEST_F(AccumulatorTest, OutOfOrderBehindAnotherBatchIsTriedAgainAndAtTheFrontNeedsANewIdentity) {
  append("a");
  Batch* first = take();
  append("b");
  Batch* second = take();
  EXPECT_EQ(batches_.judge(*second, ErrorCode::kOutOfOrderSequenceNumber), Accumulator::Verdict::kAgain);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kOutOfOrderSequenceNumber), Accumulator::Verdict::kAgainNew);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kNotLeaderOrFollower), Accumulator::Verdict::kAgain);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kMessageTooLarge), Accumulator::Verdict::kLost);
  EXPECT_EQ(batches_.judge(*first, ErrorCode::kDuplicateSequenceNumber), Accumulator::Verdict::kStored);
}

TEST_F(AccumulatorTest, ANewIdentityNumbersWaitingBatchesFromZero) {
  append("a");
  Batch* lost = take();
  append("b");
  Batch* behind = take();
  batches_.failed(lost, {Errc::kTooLarge, "too large"});
  EXPECT_TRUE(batches_.new_identity_wanted());
  batches_.send_again(behind, now_);
  batches_.begin_identity();
  Batch* again = batches_.take(place_, {ProducerId(8), ProducerEpoch(0)});
  EXPECT_EQ(again, behind);
  EXPECT_EQ(again->sequence, 0);
  const protocol::RecordBatch bytes(again->bytes.bytes);
  EXPECT_EQ(bytes.producer_id(), ProducerId(8));
  EXPECT_TRUE(bytes.crc_matches());
}

TEST_F(AccumulatorTest, ExpiredBatchThatWasNeverSentLeavesNoGap) {
  append("a");
  now_ += options_.delivery_timeout;
  EXPECT_TRUE(batches_.expire(now_));
  ASSERT_EQ(fates_.size(), 1u);
  EXPECT_EQ(fates_[0].error().code, Errc::kTimedOut);
  EXPECT_FALSE(batches_.new_identity_wanted());
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
