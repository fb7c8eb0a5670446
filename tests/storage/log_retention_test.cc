// Rolling, retention, deletion of records, truncation, flushing.
#include <algorithm>

#include "storage/log_fixture.h"

namespace weir::storage {
namespace {

class LogRetentionTest : public LogFixture {
 protected:
  void SetUp() override {
    config_.segment_size_max = 300;
    ASSERT_TRUE(open());
  }
};

TEST_F(LogRetentionTest, SegmentsRollByTheTimeOfTheirRecords) {
  config_.segment_size_max = 1 << 20;
  config_.segment_time_max = milliseconds(100);
  log_->set_config(config_);
  append_good({.timestamp = Timestamp(1'000)});
  append_good({.timestamp = Timestamp(1'100)});
  EXPECT_EQ(log_->segment_count(), 1u);
  append_good({.timestamp = Timestamp(1'101)});
  EXPECT_EQ(log_->segment_count(), 2u);
  restart();
  append_good({.timestamp = Timestamp(1'201)});
  EXPECT_EQ(log_->segment_count(), 2u);
  // Records without a time: the clock since the segment was made.
  ASSERT_TRUE(log_->roll(now_));
  append_good({.timestamp = kNoTimestamp});
  now_ += 101;
  append_good({.timestamp = kNoTimestamp});
  EXPECT_EQ(log_->segment_count(), 4u);
}

TEST_F(LogRetentionTest, SegmentsRollWhenAnIndexIsFull) {
  config_.segment_size_max = 1 << 20;
  config_.index_interval = 0;
  config_.index_size_max = 60;  // 5 times, the last of which is for the closing entry
  log_->set_config(config_);
  for (int i = 0; i < 12; ++i) append_good({.timestamp = Timestamp(1'000 + i)});
  EXPECT_EQ(log_->segment_count(), 3u);
  EXPECT_EQ(content("00000000000000000000.timeindex").size(), 48u);
  EXPECT_EQ(served().size(), 12u);
}

TEST_F(LogRetentionTest, IndexEntriesStandMoreThanTheIntervalApart) {
  config_.segment_size_max = 1 << 20;
  config_.index_interval = static_cast<int32_t>(2 * make_batch({}).size());
  log_->set_config(config_);
  append_good({}, 10);
  ASSERT_TRUE(log_->release_idle());
  // Before the fourth batch three were appended, which is more than two; then before the seventh and the tenth.
  const std::string index = content("00000000000000000000.index");
  ASSERT_EQ(index.size(), 3 * kOffsetEntrySize);
  EXPECT_EQ(load_be<int32_t>(as_bytes(index).data()), 3);
  EXPECT_EQ(load_be<int32_t>(as_bytes(index).data() + 4), static_cast<int32_t>(3 * make_batch({}).size()));
  EXPECT_EQ(load_be<int32_t>(as_bytes(index).data() + kOffsetEntrySize), 6);
}

TEST_F(LogRetentionTest, OldSegmentsGoByTimeSizeAndStartButNotAboveTheHighWatermark) {
  for (int i = 0; i < 8; ++i) append_good({.value_size = 150, .timestamp = Timestamp(1'000 + i * 100)});
  ASSERT_EQ(log_->segment_count(), 8u);
  config_.retention_time = milliseconds(1'000);
  log_->set_config(config_);
  EXPECT_EQ(*log_->apply_retention(Timestamp(2'101), Offset(1)), 1u);
  EXPECT_EQ(*log_->apply_retention(Timestamp(2'101), Offset(8)), 1u);
  EXPECT_EQ(log_->log_start_offset(), Offset(2));
  config_.retention_time = milliseconds(-1);
  config_.retention_bytes = static_cast<int64_t>(log_->size() / 6 * 4);
  log_->set_config(config_);
  EXPECT_EQ(*log_->apply_retention(Timestamp(9'000), Offset(8)), 2u);
  config_.deletes_old_segments = false;
  config_.retention_bytes = 0;
  log_->set_config(config_);
  EXPECT_EQ(*log_->apply_retention(Timestamp(9'000), Offset(8)), 0u);
  ASSERT_TRUE(log_->delete_records_before(Offset(6)));
  EXPECT_EQ(*log_->apply_retention(Timestamp(9'000), Offset(8)), 2u);
  EXPECT_EQ(log_->log_start_offset(), Offset(6));
  EXPECT_EQ(log_->epochs().entries().front(), (EpochStart{LeaderEpoch(0), Offset(6)}));
  Deletions deletions = log_->take_deletions();
  ASSERT_TRUE(deletions.rename(disk_));
  EXPECT_EQ(std::ranges::count_if(deletions.renamed, [](const auto& name) { return name.contains(".snapshot"); }), 5);
  EXPECT_EQ(deletions.renamed.size(), 6u * 3 + 5);
  ASSERT_TRUE(deletions.run(disk_));
  for (const std::string& name : file_names()) EXPECT_FALSE(name.ends_with(".deleted")) << name;
  restart();
  EXPECT_EQ(log_->log_start_offset(), Offset(6));
  EXPECT_EQ(served(Offset(6)).size(), 2u);
}

TEST_F(LogRetentionTest, WhenAllRecordsAreOldAnEmptySegmentTakesTheirPlace) {
  append_good({}, 3);
  config_.retention_time = milliseconds(10);
  log_->set_config(config_);
  const size_t count = log_->segment_count();
  EXPECT_EQ(*log_->apply_retention(Timestamp(9'000), Offset(3)), count);
  EXPECT_EQ(log_->size(), 0u);
  EXPECT_EQ(log_->log_start_offset(), Offset(3));
  EXPECT_EQ(*log_->apply_retention(Timestamp(9'000), Offset(3)), 0u);
  EXPECT_EQ(append({})->base_offset, Offset(3));
}

TEST_F(LogRetentionTest, TruncationTakesBackRecordsEpochsAndProducers) {
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(
        append({.records = 2, .value_size = 60, .producer_id = ProducerId(1), .sequence = 2 * i}, LeaderEpoch(i / 3)));
  }
  flush();
  EXPECT_EQ(log_->recovery_point(), Offset(18));
  EXPECT_FALSE(*log_->truncate_to(Offset(18), now_));
  ASSERT_TRUE(*log_->truncate_to(Offset(7), now_));  // in the middle of a batch: all of it goes
  EXPECT_EQ(log_->log_end_offset(), Offset(7));
  EXPECT_EQ(log_->recovery_point(), Offset(7));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(1));
  EXPECT_EQ(log_->producers().producers().at(ProducerId(1)).last_sequence(), 5);
  EXPECT_EQ(served().size(), 3u);
  // A snapshot of what is gone would come back to life when the log has grown past it again.
  for (const std::string& name : file_names()) {
    if (name.ends_with(".snapshot")) EXPECT_LE(name, "00000000000000000007.snapshot");
  }
  ASSERT_TRUE(append({.records = 2, .producer_id = ProducerId(1), .sequence = 6}, LeaderEpoch(5)));
  restart();
  EXPECT_EQ(served().size(), 4u);
  ASSERT_TRUE(log_->truncate_fully_and_start_at(Offset(100), now_));
  EXPECT_EQ(log_->log_start_offset(), Offset(100));
  EXPECT_TRUE(log_->producers().producers().empty());
  EXPECT_EQ(append({})->base_offset, Offset(100));
  restart();
  EXPECT_EQ(log_->log_start_offset(), Offset(100));
}

TEST_F(LogRetentionTest, FlushesAreWantedByCountTimeAndRoll) {
  config_.segment_size_max = 1 << 20;
  config_.flush_records = 3;
  log_->set_config(config_);
  flush();
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kNone);
  append_good({.records = 2});
  flush();
  append_good({.records = 2});
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kNone);
  append_good({.records = 1});
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kAll);
  const auto failed = log_->start_flush(FlushNeed::kAll, now_);
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kNone);
  log_->finish_flush(*failed, fail(Errc::kIo, "the device failed"));
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kAll);
  flush();
  EXPECT_EQ(log_->recovery_point(), Offset(5));
  config_.flush_time = milliseconds(50);
  log_->set_config(config_);
  append_good({});
  EXPECT_EQ(log_->flush_need(now_ + 49), FlushNeed::kNone);
  EXPECT_EQ(log_->flush_need(now_ + 50), FlushNeed::kAll);
  ASSERT_TRUE(log_->roll(now_));
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kRolled);
  const auto rolled = log_->start_flush(FlushNeed::kRolled, now_);
  ASSERT_TRUE(rolled);
  ASSERT_TRUE(rolled->run());
  append_good({});
  log_->finish_flush(*rolled, {});
  EXPECT_EQ(log_->recovery_point(), Offset(6));
}

TEST_F(LogRetentionTest, FlushThatEndsAfterATruncationDoesNotCount) {
  append_good({}, 4);
  const auto job = log_->start_flush(FlushNeed::kAll, now_);
  ASSERT_TRUE(job && job->run());
  ASSERT_TRUE(*log_->truncate_to(Offset(1), now_));
  append_good({}, 3);
  log_->finish_flush(*job, {});
  EXPECT_EQ(log_->recovery_point(), Offset(0));
}

}  // namespace
}  // namespace weir::storage
