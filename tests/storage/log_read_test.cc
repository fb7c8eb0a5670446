// Reading by offset and time, with indexes in memory and in files.
#include "storage/log_fixture.h"

namespace weir::storage {
namespace {

using protocol::ControlType;

class LogReadTest : public LogFixture {
 protected:
  void SetUp() override {
    config_.index_interval = 200;
    ASSERT_TRUE(open());
  }
};

TEST_F(LogReadTest, EveryOffsetLeadsToTheBatchThatHoldsIt) {
  config_.segment_size_max = 20'000;
  log_->set_config(config_);
  append_good({.records = 3, .value_size = 30}, 600);
  EXPECT_GT(log_->segment_count(), 4u);
  for (int round = 0; round < 2; ++round) {
    for (int64_t offset = 0; offset < 1'800; ++offset) {
      const auto read = log_->read(Offset(offset), 1, Offset(1'800), true);
      ASSERT_TRUE(read);
      ASSERT_EQ(read->first_base_offset, Offset(offset / 3 * 3));
      ASSERT_EQ(read->records.length, read->first_batch_size);
    }
    restart();
  }
}

TEST_F(LogReadTest, OffsetsNearTheEndLeadToTheirBatchesWhateverWasCutOff) {
  auto expect_last = [&](int64_t end, int64_t records) {
    for (int64_t offset = std::max<int64_t>(end - 40, 0); offset < end; ++offset) {
      const auto read = log_->read(Offset(offset), 1, Offset(end), true);
      ASSERT_TRUE(read);
      ASSERT_LE(read->first_base_offset, Offset(offset));
      if (offset >= end - records) ASSERT_EQ(read->first_base_offset, Offset(end - records));
    }
  };
  append_good({.records = 3, .value_size = 30}, 20);
  expect_last(60, 3);
  ASSERT_TRUE(log_->truncate_to(Offset(51), now_));
  expect_last(51, 3);
  append_good({.records = 5, .value_size = 10});
  expect_last(56, 5);
  restart();
  expect_last(56, 5);
  append_good({.records = 1});
  expect_last(57, 1);
}

TEST_F(LogReadTest, WhatIsNotInThePageCacheIsMissedAndIsFoundOnceItIsBroughtIn) {
  config_.segment_size_max = 20'000;
  log_->set_config(config_);
  for (int i = 0; i < 600; ++i) append_good({.records = 3, .value_size = 30, .timestamp = Timestamp(1'000 + i)});
  restart();
  log_.reset();
  disk_.power_lost();
  ASSERT_TRUE(open(true));
  int misses = 0;
  const auto look_up = [&](auto look) {
    auto found = look();
    for (; !found && found.error().code == Errc::kWouldBlock && misses < 100; ++misses) {
      const FileRegion& missed = log_->missed();
      EXPECT_TRUE(missed.file->bring_in(missed.position, missed.length));
      found = look();
    }
    return found;
  };
  EXPECT_EQ(look_up([&] { return log_->read(Offset(700), 1, Offset(1'800), true); })->first_base_offset, Offset(699));
  EXPECT_EQ(misses, 2);  // the index, and the log
  EXPECT_EQ((*look_up([&] { return log_->offset_for_timestamp(Timestamp(1'400)); }))->offset,
            Offset(1'196));  // the last of its batch
  EXPECT_GT(misses, 2);
  config_.retention_bytes = 0;
  log_->set_config(config_);
  const size_t segments = log_->segment_count();
  EXPECT_EQ(*look_up([&] { return log_->apply_retention(now_, Offset(1'800)); }), segments);
}

TEST_F(LogReadTest, ReadsAreBoundedByBytesAndByOffset) {
  append_good({.records = 2, .value_size = 50}, 10);
  const size_t size = make_batch({.records = 2, .value_size = 50}).size();
  EXPECT_EQ(log_->read(Offset(3), size + 7, Offset(20), false)->records.length, size + 7);  // cut in a batch
  EXPECT_EQ(log_->read(Offset(3), 7, Offset(20), true)->records.length, size);
  EXPECT_EQ(log_->read(Offset(3), 7, Offset(20), false)->records.length, 7u);
  EXPECT_EQ(log_->read(Offset(3), 0, Offset(20), false)->records.length, 0u);
  EXPECT_EQ(log_->read(Offset(2), 10'000, Offset(6), true)->records.length, 2 * size);
  EXPECT_EQ(log_->read(Offset(6), 10'000, Offset(6), true)->records.length, 0u);
  EXPECT_EQ(log_->read(Offset(20), 10'000, Offset(20), true)->records.length, 0u);
  EXPECT_EQ(log_->read(Offset(21), 1, Offset(20), true).error().code, Errc::kOutOfRange);
  ASSERT_TRUE(log_->delete_records_before(Offset(5)));
  EXPECT_EQ(log_->read(Offset(4), 1, Offset(20), true).error().code, Errc::kOutOfRange);
  EXPECT_EQ(log_->read(Offset(5), 1, Offset(20), true)->first_base_offset, Offset(4));
}

TEST_F(LogReadTest, TimestampsLeadToTheFirstRecordThatIsNotOlder) {
  config_.segment_size_max = 5'000;
  log_->set_config(config_);
  for (int i = 0; i < 100; ++i) append_good({.records = 2, .value_size = 100, .timestamp = Timestamp(1'000 + 10 * i)});
  for (int round = 0; round < 2; ++round) {
    for (int64_t at = 990; at < 1'992; ++at) {
      const int64_t steps = at <= 1'000 ? 0 : (at - 1'000) / 10;
      const int64_t rest = at <= 1'000 ? 0 : (at - 1'000) % 10;
      const int64_t expected = 2 * steps + std::min<int64_t>(rest, 2);
      const auto found = log_->offset_for_timestamp(Timestamp(at));
      ASSERT_TRUE(found);
      ASSERT_EQ(found->has_value(), expected < 200) << at;
      if (*found) ASSERT_EQ((*found)->offset, Offset(expected)) << at;
    }
    restart();
  }
  append_good({.timestamp = Timestamp(50)});
  EXPECT_EQ((*log_->max_timestamp_offset())->offset, Offset(199));
  EXPECT_EQ((*log_->max_timestamp_offset())->timestamp, Timestamp(1'991));
}

TEST_F(LogReadTest, ReadersOfCommittedDataStopAtOpenTransactionsAndLearnOfAbortedOnes) {
  const BatchSpec one{.records = 2, .producer_id = ProducerId(1), .transactional = true};
  BatchSpec two = one;
  two.producer_id = ProducerId(2);
  append_good(one);  // 0-1
  append_good(two);  // 2-3
  EXPECT_EQ(log_->last_stable_offset(Offset(4)), Offset(0));
  append_marker(ControlType::kAbort, ProducerId(1));          // 4
  EXPECT_EQ(log_->last_stable_offset(Offset(4)), Offset(0));  // the marker is not committed
  log_->advance_high_watermark(Offset(5));
  EXPECT_EQ(log_->last_stable_offset(Offset(5)), Offset(2));
  append_marker(ControlType::kCommit, ProducerId(2));  // 5
  log_->advance_high_watermark(Offset(6));
  EXPECT_EQ(log_->last_stable_offset(Offset(6)), Offset(6));
  for (int round = 0; round < 3; ++round) {
    const auto read = log_->read(Offset(0), 10'000, Offset(6), true);
    EXPECT_EQ(*log_->aborted_transactions(Offset(0), *read, Offset(6)),
              (std::vector<AbortedTransaction>{{ProducerId(1), Offset(0), Offset(4), Offset(2)}}));
    const auto later = log_->read(Offset(5), 10'000, Offset(6), true);
    EXPECT_TRUE(log_->aborted_transactions(Offset(5), *later, Offset(6))->empty());
    round == 0 ? restart() : crash_and_open();
  }
  // An open transaction survives a restart, and a batch outside it is refused.
  append_good({.producer_id = ProducerId(3), .transactional = true});
  restart();
  EXPECT_EQ(log_->last_stable_offset(Offset(7)), Offset(6));
  EXPECT_EQ(append({.producer_id = ProducerId(3), .sequence = 1}).error().code, AppendErrorCode::kInvalidTransaction);
}

TEST_F(LogReadTest, DescriptorsStayBelowTheirBoundAndIdleLogsHoldNone) {
  config_.segment_size_max = 300;
  log_->set_config(config_);
  append_good({.value_size = 100}, 40);
  EXPECT_EQ(served().size(), 40u);
  EXPECT_LE(files_.open_count(), 6u);
  ASSERT_TRUE(log_->release_idle());
  EXPECT_EQ(files_.open_count(), 0u);
  append_good({.value_size = 100});
  EXPECT_EQ(served().size(), 41u);
}

}  // namespace
}  // namespace weir::storage
