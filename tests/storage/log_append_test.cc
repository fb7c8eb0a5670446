// Appending as a leader and as a follower: what is patched, what is refused, what a full disk does.
#include <libdeflate.h>

#include "storage/log_fixture.h"
#include "storage/short_disk.h"

namespace weir::storage {
namespace {

using protocol::Compression;
using protocol::RecordBatch;

class LogAppendTest : public LogFixture {
 protected:
  void SetUp() override { ASSERT_TRUE(open()); }
  AppendErrorCode refusal(const AppendResult& result) {
    EXPECT_FALSE(result.has_value());
    return result ? AppendErrorCode::kIo : result.error().code;
  }
  // A log beside the fixture's.
  Result<std::unique_ptr<Log>> open_on(Disk& disk) {
    return Log::open({.disk = disk,
                      .files = files_,
                      .directory = "data/full-0",
                      .partition = {"full", PartitionIndex(0)},
                      .config = config_,
                      .now = now_});
  }
};

TEST_F(LogAppendTest, OffsetsAndEpochsAreSetInPlaceAndServed) {
  append_good({.records = 3}, 4);
  const AppendResult last = append({.records = 2}, LeaderEpoch(4));
  ASSERT_TRUE(last);
  EXPECT_EQ(last->base_offset, Offset(12));
  EXPECT_EQ(last->last_offset, Offset(13));
  EXPECT_EQ(last->log_append_time, kNoTimestamp);
  EXPECT_EQ(log_->log_end_offset(), Offset(14));
  const auto batches = served();
  ASSERT_EQ(batches.size(), 5u);
  EXPECT_EQ(batches[4].base_offset(), Offset(12));
  EXPECT_EQ(batches[4].leader_epoch(), LeaderEpoch(4));
  EXPECT_EQ(log_->epoch_end_offset(LeaderEpoch(0)), (EpochEnd{LeaderEpoch(0), Offset(12)}));
  EXPECT_EQ(log_->epoch_end_offset(LeaderEpoch(4)), (EpochEnd{LeaderEpoch(4), Offset(14)}));
}

TEST_F(LogAppendTest, LogAppendTimeIsStampedWithANewChecksum) {
  config_.is_log_append_time = true;
  log_->set_config(config_);
  const AppendResult appended = append({.records = 2});
  ASSERT_TRUE(appended);
  EXPECT_EQ(appended->log_append_time, now_);
  const auto batches = served();
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_TRUE(batches[0].is_log_append_time());
  EXPECT_EQ(batches[0].max_timestamp(), now_);
}

TEST_F(LogAppendTest, BadBatchesAreRefusedInKafkasOrder) {
  ByteVector batch = make_batch({.value_size = 200});
  config_.batch_size_max = 100;
  log_->set_config(config_);
  ByteVector bad = batch;
  bad.back() ^= 1;
  protocol::set_base_offset(bad, Offset(1));
  EXPECT_EQ(refusal(append_bytes(bad)), AppendErrorCode::kInvalidRecord);  // the base offset, then the size
  protocol::set_base_offset(bad, Offset(0));
  EXPECT_EQ(refusal(append_bytes(bad)), AppendErrorCode::kRecordTooLarge);  // the size, then the crc
  config_.batch_size_max = 1'000;
  log_->set_config(config_);
  EXPECT_EQ(refusal(append_bytes(bad)), AppendErrorCode::kCorrupt);
  ByteVector two = batch;
  two.insert(two.end(), batch.begin(), batch.end());
  EXPECT_EQ(refusal(append_bytes(two)), AppendErrorCode::kInvalidRecord);
  EXPECT_EQ(refusal(append_bytes(make_marker(protocol::ControlType::kAbort, ProducerId(1), ProducerEpoch(0)))),
            AppendErrorCode::kInvalidRecord);
  config_.segment_size_max = 150;
  log_->set_config(config_);
  EXPECT_EQ(refusal(append_bytes(batch)), AppendErrorCode::kBatchTooLarge);
  EXPECT_EQ(log_->log_end_offset(), Offset(0));
}

TEST_F(LogAppendTest, CompactedTopicsNameEachRecordWithoutAKey) {
  config_.compacts = true;
  log_->set_config(config_);
  EXPECT_TRUE(append({.records = 2}));
  const AppendResult refused = append({.records = 2, .codec = Compression::kLz4, .keys = false});
  EXPECT_EQ(refusal(refused), AppendErrorCode::kInvalidRecord);
  ASSERT_EQ(refused.error().record_errors.size(), 2u);
  EXPECT_EQ(refused.error().record_errors[1].batch_index, 1);
}

TEST_F(LogAppendTest, TimestampsOutsideTheLimitsAreRefused) {
  config_.timestamp_after_max = milliseconds(100);
  log_->set_config(config_);
  EXPECT_TRUE(append({.timestamp = now_ + 100}));
  const AppendResult late = append({.records = 2, .timestamp = now_ + 100});
  EXPECT_EQ(refusal(late), AppendErrorCode::kInvalidTimestamp);
  ASSERT_EQ(late.error().record_errors.size(), 1u);
  EXPECT_EQ(late.error().record_errors[0].batch_index, 1);
  config_.timestamp_before_max = milliseconds(10);
  log_->set_config(config_);
  // The header's greatest timestamp is fine, the first record's is not.
  EXPECT_EQ(refusal(append({.records = 2, .timestamp = now_ - 11})), AppendErrorCode::kInvalidTimestamp);
  EXPECT_TRUE(append({.records = 2, .timestamp = now_ - 10}));
  EXPECT_TRUE(append({.timestamp = kNoTimestamp}));
}

TEST_F(LogAppendTest, BatchesAreBroughtToTheTopicsCodec) {
  config_.compression = Compression::kZstd;
  log_->set_config(config_);
  ASSERT_TRUE(append({.records = 20, .value_size = 100, .producer_id = ProducerId(3), .sequence = 5}));
  const auto batches = served();
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].codec(), Compression::kZstd);
  EXPECT_EQ(batches[0].record_count(), 20);
  EXPECT_EQ(batches[0].base_sequence(), 5);
  EXPECT_EQ(batches[0].max_timestamp(), Timestamp(1'019));
  EXPECT_LT(batches[0].size(), 500u);
}

TEST_F(LogAppendTest, LastFiveBatchesOfAProducerAreRecognised) {
  auto sequence = [&](int32_t at) { return append({.records = 2, .producer_id = ProducerId(9), .sequence = at}); };
  for (int32_t i = 0; i < 6; ++i) ASSERT_TRUE(sequence(2 * i));
  for (int32_t i = 1; i < 6; ++i) {
    const AppendResult again = sequence(2 * i);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->duplicate);
    EXPECT_EQ(again->base_offset, Offset(2 * i));
    EXPECT_EQ(again->last_offset, Offset(2 * i + 1));
    EXPECT_EQ(again->log_append_time, Timestamp(1'001));
  }
  EXPECT_EQ(refusal(sequence(0)), AppendErrorCode::kOutOfOrderSequence);   // forgotten
  EXPECT_EQ(refusal(sequence(14)), AppendErrorCode::kOutOfOrderSequence);  // a gap
  EXPECT_EQ(log_->log_end_offset(), Offset(12));
  restart();
  EXPECT_TRUE(sequence(10)->duplicate);
  EXPECT_EQ(refusal(sequence(8)), AppendErrorCode::kOutOfOrderSequence);  // snapshots keep one batch
  EXPECT_EQ(sequence(12)->base_offset, Offset(12));
}

TEST_F(LogAppendTest, FullDiskLeavesTheLogAsItWasAndRoomLetsItGoOn) {
  append_good({.value_size = 3'000}, 2);
  const auto before = read_all(*log_, Offset(0), log_->log_end_offset());
  const uint64_t capacity = disk_.conditions().capacity;
  disk_.conditions().capacity = disk_.used() + 1'000;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(refusal(append({.value_size = 20'000})), AppendErrorCode::kNoSpace);
  EXPECT_EQ(read_all(*log_, Offset(0), log_->log_end_offset()), before);
  EXPECT_EQ(content("00000000000000000000.log").size(), before.size());
  disk_.conditions().capacity = capacity;
  append_good({.value_size = 3'000});
  EXPECT_EQ(served().size(), 3u);
  crash_and_open();
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
}

// Three batches were in flight when the disk got full: the second and third were told of a gap, and librdkafka began a
// new epoch in all partitions, with batches in it that others had appended already.
TEST_F(LogAppendTest, GapThatAFullDiskMadeIsNotTheProducers) {
  auto sequence = [&](int32_t at, size_t size) {
    return append({.records = 1, .value_size = size, .producer_id = ProducerId(9), .sequence = at});
  };
  ASSERT_TRUE(sequence(0, 10));
  const uint64_t capacity = disk_.conditions().capacity;
  disk_.conditions().capacity = disk_.used() + 1'000;
  EXPECT_EQ(refusal(sequence(1, 20'000)), AppendErrorCode::kNoSpace);
  EXPECT_EQ(refusal(sequence(2, 10)), AppendErrorCode::kNoSpace) << "though there is room for it";
  disk_.conditions().capacity = capacity;
  EXPECT_EQ(refusal(sequence(3, 10)), AppendErrorCode::kNoSpace);
  EXPECT_TRUE(append({.records = 1, .producer_id = ProducerId(8), .sequence = 0}));
  EXPECT_EQ(refusal(sequence(4, 10)), AppendErrorCode::kNoSpace) << "whoever else was appended";
  EXPECT_EQ(refusal(append({.records = 1, .producer_id = ProducerId(8), .sequence = 2})),
            AppendErrorCode::kOutOfOrderSequence);
  ASSERT_TRUE(sequence(1, 20'000));
  EXPECT_EQ(refusal(sequence(3, 10)), AppendErrorCode::kOutOfOrderSequence);
  EXPECT_TRUE(sequence(2, 10));
}

TEST_F(LogAppendTest, ProducerThatGoesOnWithoutWhatFoundNoRoomHearsOfItsGap) {
  auto sequence = [&](int32_t at) {
    return append({.value_size = 20'000, .producer_id = ProducerId(9), .sequence = at});
  };
  ASSERT_TRUE(sequence(0));
  const uint64_t capacity = disk_.conditions().capacity;
  disk_.conditions().capacity = disk_.used() + 1'000;
  EXPECT_EQ(refusal(sequence(1)), AppendErrorCode::kNoSpace);
  disk_.conditions().capacity = capacity;
  for (size_t i = 0; i < kProducerBatchesKept; ++i) EXPECT_EQ(refusal(sequence(2)), AppendErrorCode::kNoSpace);
  EXPECT_EQ(refusal(sequence(2)), AppendErrorCode::kOutOfOrderSequence);
}

TEST_F(LogAppendTest, WriteThatFailsHalfwayIsTakenBackAtEveryLength) {
  ShortDisk full(disk_);
  auto log = open_on(full);
  ASSERT_TRUE(log);
  const ByteVector batch = make_batch({.value_size = 40});
  auto append_to = [&](const ByteVector& bytes) {
    ByteVector copy = bytes;
    return (*log)->append_as_leader(copy, {.leader_epoch = LeaderEpoch(0), .now = now_});
  };
  ASSERT_TRUE(append_to(batch));
  const std::string path = "data/full-0/00000000000000000000.log";
  for (size_t room = 0; room < batch.size(); ++room) {
    full.room = room;
    ASSERT_EQ(refusal(append_to(batch)), AppendErrorCode::kNoSpace);
    ASSERT_EQ(disk_.read_file(path)->size(), batch.size());
  }
  // What could not be cut off at once is cut off before the next, shorter, batch.
  full.room = UINT64_MAX;
  ASSERT_TRUE(append_to(batch));
  full.room = batch.size() - 1;
  full.truncate_fails = true;
  ASSERT_EQ(refusal(append_to(batch)), AppendErrorCode::kNoSpace);
  full.room = UINT64_MAX;
  ASSERT_EQ(refusal(append_to(batch)), AppendErrorCode::kIo);
  full.truncate_fails = false;
  const ByteVector shorter = make_batch({.value_size = 1});
  ASSERT_TRUE(append_to(shorter));
  EXPECT_EQ(disk_.read_file(path)->size(), 2 * batch.size() + shorter.size());
  EXPECT_EQ(batches_in(read_all(**log, Offset(0), Offset(3))).size(), 3u);
}

// A partition whose leader epochs could not be saved went offline for good, though its records were on the device.
TEST_F(LogAppendTest, FlushThatFindsNoRoomForTheEpochsCanBeRepeated) {
  ShortDisk full(disk_);
  auto log = open_on(full);
  ASSERT_TRUE(log);
  ByteVector batch = make_batch({});
  ASSERT_TRUE((*log)->append_as_leader(batch, {.leader_epoch = LeaderEpoch(3), .now = now_}));
  auto flush = [&]() -> Result<> {
    TRY_ASSIGN(const FlushJob job, (*log)->start_flush(FlushNeed::kAll, now_));
    const Result<> done = job.run();
    (*log)->finish_flush(job, done);
    return done;
  };
  full.room = 0;
  EXPECT_EQ(flush().error().code, Errc::kNoSpace);
  EXPECT_EQ((*log)->recovery_point(), Offset(0));
  full.room = UINT64_MAX;
  EXPECT_TRUE(flush());
  EXPECT_EQ((*log)->recovery_point(), Offset(1));
  (*log)->detach();
  EXPECT_TRUE((*log)->close()) << "nothing is left of the want of room";
  EXPECT_EQ(disk_.read_file("data/full-0/leader-epoch-checkpoint"), "0\n1\n3 0\n");
  // What a failed sync leaves is not known; a second one would say that all is well.
  full.sync_fails = true;
  EXPECT_EQ(flush().error().code, Errc::kIo);
}

TEST_F(LogAppendTest, FollowersTakeBatchesAsTheyComeAndRollByThem) {
  config_.segment_size_max = 300;
  log_->set_config(config_);
  ByteVector sent;
  for (int64_t offset : {0, 3, 10, 11, 20}) {
    ByteVector batch = make_batch({.records = 1, .value_size = 60});
    protocol::set_base_offset(batch, Offset(offset));
    protocol::set_leader_epoch(batch, LeaderEpoch(offset < 10 ? 1 : 2));
    sent.insert(sent.end(), batch.begin(), batch.end());
  }
  const AppendResult appended = log_->append_as_follower(sent, now_);
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_EQ(appended->base_offset, Offset(0));
  EXPECT_EQ(appended->last_offset, Offset(20));
  EXPECT_EQ(log_->segment_count(), 3u);
  EXPECT_EQ(read_all(*log_, Offset(0), log_->log_end_offset()), sent);
  EXPECT_EQ(log_->epoch_end_offset(LeaderEpoch(1)), (EpochEnd{LeaderEpoch(1), Offset(10)}));
  EXPECT_EQ(refusal(log_->append_as_follower(sent, now_)), AppendErrorCode::kUnexpectedOffset);
  // Gaps lead to the next batch.
  EXPECT_EQ(log_->read(Offset(5), 1, Offset(21), true)->first_base_offset, Offset(10));
}

// A message as producers of before batches sent it, magic 0 or 1. `codec`: it stands for several, up to `offset`.
ByteVector make_message(int8_t magic, int64_t offset, int64_t timestamp, size_t value_size, int8_t codec = 0) {
  ByteVector message(size_t{protocol::kEntrySniffSize} + 1 + (magic == 1 ? 8 : 0) + 8 + value_size);
  uint8_t* at = message.data();
  store_be(at, offset);
  store_be(at + 8, static_cast<int32_t>(message.size() - protocol::kEntryOverhead));
  at[16] = static_cast<uint8_t>(magic);
  at[17] = static_cast<uint8_t>(codec);
  uint8_t* key = at + 18;
  if (magic == 1) {
    store_be(key, timestamp);
    key += 8;
  }
  store_be(key, int32_t{-1});
  store_be(key + 4, static_cast<int32_t>(value_size));
  store_be(at + 12, libdeflate_crc32(0, at + 16, message.size() - 16));
  return message;
}

// All that the log serves, of whatever format.
ByteVector all_entries(Log& log) {
  ByteVector all;
  for (Offset at = log.log_start_offset(); at < log.log_end_offset();) {
    const auto read = log.read(at, size_t{1} << 20, log.log_end_offset(), true);
    EXPECT_TRUE(read && read->records.length > 0);
    if (!read || read->records.length == 0) break;
    ByteVector bytes(read->records.length);
    EXPECT_EQ(read->records.file->read_at(read->records.position, bytes).value(), bytes.size());
    for (ByteView rest = bytes; !rest.empty();) at = take_entry(rest).value().last_offset + 1;
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

TEST_F(LogAppendTest, FollowersTakeMessagesOfBeforeBatchesAsTheyCame) {
  config_.segment_size_max = 200;
  log_->set_config(config_);
  ByteVector sent;
  const auto add = [&sent](const ByteVector& entry) { sent.insert(sent.end(), entry.begin(), entry.end()); };
  add(make_message(0, 0, -1, 30));
  add(make_message(1, 1, 5'000, 30));
  add(make_message(1, 9, 7'000, 30, 1));  // eight in one
  add(make_message(1, 10, 6'000, 30));
  ByteVector batch = make_batch({.records = 2, .timestamp = Timestamp(8'000)});
  protocol::set_base_offset(batch, Offset(11));
  protocol::set_leader_epoch(batch, LeaderEpoch(3));
  add(batch);
  const AppendResult appended = log_->append_as_follower(sent, now_);
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_EQ(appended->last_offset, Offset(12));
  EXPECT_EQ(log_->log_end_offset(), Offset(13));
  EXPECT_GT(log_->segment_count(), 1U);
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(3));
  EXPECT_EQ(log_->epochs().entries().front().start, Offset(11));
  EXPECT_EQ(all_entries(*log_), sent);
  EXPECT_EQ(log_->timestamp_at(Offset(1)).value(), kNoTimestamp);
  crash_and_open();
  EXPECT_EQ(log_->log_end_offset(), Offset(13));
  EXPECT_EQ(all_entries(*log_), sent);
}

TEST_F(LogAppendTest, FollowerRefusesADamagedMessageOfBeforeBatches) {
  ByteVector sent = make_message(1, 0, 5'000, 30);
  ByteVector bad = make_message(1, 1, 5'000, 30);
  bad.back() ^= 1;
  sent.insert(sent.end(), bad.begin(), bad.end());
  EXPECT_EQ(refusal(log_->append_as_follower(sent, now_)), AppendErrorCode::kCorrupt);
  EXPECT_EQ(log_->log_end_offset(), Offset(1));
  EXPECT_EQ(refusal(log_->append_as_follower(make_message(0, 0, 0, 1), now_)), AppendErrorCode::kUnexpectedOffset);
  for (const int64_t offset : {int64_t{-1}, INT64_MAX}) {
    EXPECT_EQ(refusal(log_->append_as_follower(make_message(0, offset, 0, 1), now_)), AppendErrorCode::kCorrupt);
  }
}

TEST_F(LogAppendTest, FollowerKeepsWhatStandsBeforeABadBatch) {
  ByteVector sent = make_batch({});
  ByteVector bad = make_batch({});
  protocol::set_base_offset(bad, Offset(1));
  bad.back() ^= 1;
  sent.insert(sent.end(), bad.begin(), bad.end());
  EXPECT_EQ(refusal(log_->append_as_follower(sent, now_)), AppendErrorCode::kCorrupt);
  EXPECT_EQ(log_->log_end_offset(), Offset(1));
}

}  // namespace
}  // namespace weir::storage
