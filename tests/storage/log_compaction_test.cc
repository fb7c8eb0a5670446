// Compaction of a log: what stays, what goes, and what a crash in the middle of it leaves.
#include <map>

#include "protocol/record.h"
#include "storage/compaction.h"
#include "storage/log_fixture.h"

namespace weir::storage {
namespace {

using protocol::BatchBuilder;
using protocol::Compression;
using protocol::ControlType;
using protocol::RecordBatch;

struct KeyValue {
  std::string key;
  std::optional<std::string> value;
};

ByteVector keyed_batch(const std::vector<KeyValue>& records, protocol::BatchOptions options = {},
                       Timestamp timestamp = Timestamp(1'000)) {
  BatchBuilder builder(options);
  for (const KeyValue& record : records) {
    builder.append(timestamp, as_bytes(record.key),
                   record.value ? std::optional(as_bytes(*record.value)) : std::nullopt);
    timestamp += 1;
  }
  return to_vector(builder.finish().bytes);
}

// "OFFSET KEY=VALUE"; tombstones end in the "=".
std::vector<std::string> records_of(const std::vector<RecordBatch>& batches) {
  std::vector<std::string> found;
  for (const RecordBatch& batch : batches) {
    if (batch.is_control()) continue;
    auto open = protocol::open_batch(batch, size_t{1} << 20);
    EXPECT_TRUE(open.has_value());
    for (auto record = open->cursor.next(); record && *record; record = open->cursor.next()) {
      const auto value = (**record).value.value_or(ByteView{});
      found.push_back(std::to_string((**record).offset.value()) + " " + std::string(as_text(*(**record).key)) + "=" +
                      std::string(as_text(value)));
    }
  }
  return found;
}

class LogCompactionTest : public LogFixture {
 protected:
  void SetUp() override {
    config_.deletes_old_segments = false;
    config_.compacts = true;
    ASSERT_TRUE(open());
  }

  void put(const std::vector<KeyValue>& records, protocol::BatchOptions options = {},
           Timestamp timestamp = Timestamp(1'000)) {
    const AppendResult appended = append_bytes(keyed_batch(records, options, timestamp));
    ASSERT_TRUE(appended) << appended.error().message;
  }
  void roll_and_flush() {
    ASSERT_TRUE(log_->roll(now_));
    flush();
  }
  Offset stable() { return log_->last_stable_offset(log_->log_end_offset()); }

  Result<CompactionPlan> plan() {
    TRY_ASSIGN(const Dirtiness dirtiness, log_->dirtiness(stable(), now_));
    return log_->start_compaction(dirtiness, now_);
  }
  Result<> swap_in(const CompactedSegment& segment) {
    while (true) {
      TRY_ASSIGN(const bool to_be_synced, log_->swap_in(segment));
      if (!to_be_synced) return {};
      TRY(disk_.sync_directory(folder_));
    }
  }
  Result<> run_round() {
    TRY_ASSIGN(CompactionPlan started, plan());
    Compaction compaction(disk_, std::move(started), memory_);
    while (true) {
      TRY_ASSIGN(const Compaction::Step step, compaction.step(step_bytes_));
      if (step == Compaction::Step::kSegment) TRY(swap_in(compaction.segment()));
      if (step == Compaction::Step::kDone) break;
    }
    log_->end_compaction(compaction.end());
    stats_ = compaction.stats();
    return {};
  }
  void compact() {
    const Result<> ran = run_round();
    ASSERT_TRUE(ran) << ran.error().message;
    EXPECT_TRUE(files_in_order());
  }
  bool files_in_order() {
    for (const std::string& name : file_names()) {
      if (name.ends_with(kCleanedSuffix) || name.ends_with(kSwapSuffix)) return false;
    }
    return true;
  }
  std::vector<std::string> records() { return records_of(served(log_->log_start_offset())); }

  static constexpr std::string_view kCleanedSuffix = ".cleaned";
  static constexpr std::string_view kSwapSuffix = ".swap";
  CompactionMemory memory_{.map_bytes = 1 << 16, .map_load_factor = 0.9, .io_buffer_bytes = 4096, .seed = {1, 2}};
  CompactionStats stats_;
  size_t step_bytes_ = 100;
};

TEST_F(LogCompactionTest, NewestRecordOfEachKeyStays) {
  put({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  put({{"a", "2"}});
  roll_and_flush();
  put({{"b", "2"}, {"d", "1"}});
  roll_and_flush();
  put({{"c", "2"}});
  compact();
  // What is in the active segment supersedes nothing yet.
  EXPECT_EQ(records(), (std::vector<std::string>{"2 c=1", "3 a=2", "4 b=2", "5 d=1", "6 c=2"}));
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_EQ(log_->cleaned_before(), Offset(6));
  EXPECT_EQ(log_->log_start_offset(), Offset(0));
  restart();
  EXPECT_EQ(records().size(), 5u);
}

TEST_F(LogCompactionTest, BatchKeepsItsOffsetsProducerAndTimesWhenRecordsGo) {
  for (const Compression codec :
       {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
    SCOPED_TRACE(protocol::compression_name(codec));
    const Offset base = log_->log_end_offset();
    put({{"x", "1"}, {"kept", "1"}, {"y", "1"}, {"kept too", "1"}, {"z", "1"}}, {.codec = codec}, Timestamp(5'000));
    put({{"x", "2"}, {"y", "2"}, {"z", "2"}});
    roll_and_flush();
    compact();
    const std::vector<RecordBatch> batches = served(base);
    ASSERT_GE(batches.size(), 2u);
    const RecordBatch& batch = batches.front();
    EXPECT_TRUE(batch.crc_matches());
    EXPECT_EQ(batch.codec(), codec);
    EXPECT_EQ(batch.base_offset(), base);
    EXPECT_EQ(batch.last_offset(), base + 4);
    EXPECT_EQ(batch.record_count(), 2);
    EXPECT_EQ(batch.base_timestamp(), Timestamp(5'001));
    EXPECT_EQ(batch.max_timestamp(), Timestamp(5'003));
    const auto found = log_->offset_for_timestamp(Timestamp(5'002));
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((**found).timestamp, Timestamp(5'003));
    ASSERT_TRUE(log_->truncate_fully_and_start_at(log_->log_end_offset(), now_));
  }
}

TEST_F(LogCompactionTest, BatchThatLosesNothingIsCopiedAsItIs) {
  put({{"a", "1"}, {"b", "1"}}, {.codec = Compression::kZstd});
  put({{"c", "1"}});
  roll_and_flush();
  const ByteVector before = read_all(*log_, Offset(0), log_->log_end_offset());
  compact();
  EXPECT_EQ(read_all(*log_, Offset(0), log_->log_end_offset()), before);
}

TEST_F(LogCompactionTest, TombstoneStaysUntilTheHorizonThatItsFirstCompactionGaveIt) {
  config_.delete_retention_time = milliseconds(500);
  log_->set_config(config_);
  put({{"a", "1"}, {"b", "1"}});
  put({{"a", std::nullopt}, {"c", "1"}});
  roll_and_flush();
  compact();
  EXPECT_EQ(records(), (std::vector<std::string>{"1 b=1", "2 a=", "3 c=1"}));
  const RecordBatch marked = served().back();
  EXPECT_TRUE(marked.has_delete_horizon());
  EXPECT_EQ(marked.base_timestamp(), now_ + 500);
  // The times of the records are what they were.
  EXPECT_EQ(marked.max_timestamp(), Timestamp(1'001));
  auto open = protocol::open_batch(marked, 1 << 20);
  EXPECT_EQ((**open->cursor.next()).timestamp, Timestamp(1'000));
  const Timestamp horizon = marked.base_timestamp();
  now_ += 499;
  put({{"d", "1"}});
  roll_and_flush();
  compact();
  EXPECT_EQ(records().size(), 4u);
  now_ += 1;
  put({{"e", "1"}});
  roll_and_flush();
  compact();
  EXPECT_EQ(records(), (std::vector<std::string>{"1 b=1", "3 c=1", "4 d=1", "5 e=1"}));
  EXPECT_EQ(served()[1].base_timestamp(), horizon);
}

TEST_F(LogCompactionTest, LastBatchOfAProducerStaysAsAHeaderSoThatItsSequenceIsKnown) {
  put({{"a", "1"}, {"b", "1"}}, {.producer_id = ProducerId(7), .producer_epoch = ProducerEpoch(2), .base_sequence = 0});
  put({{"a", "2"}, {"b", "2"}});
  put({{"c", "1"}});
  roll_and_flush();
  compact();
  const std::vector<RecordBatch> batches = served();
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].record_count(), 0);
  EXPECT_EQ(batches[0].size(), protocol::kBatchHeaderSize);
  EXPECT_EQ(batches[0].last_sequence(), 1);
  EXPECT_EQ(batches[0].base_timestamp(), kNoTimestamp);
  // Read from the records alone.
  for (const std::string& name : file_names()) {
    if (name.ends_with(".snapshot")) EXPECT_TRUE(disk_.remove(folder_ + "/" + name));
  }
  crash_and_open();
  ASSERT_TRUE(log_->producers().producers().contains(ProducerId(7)));
  EXPECT_EQ(log_->producers().producers().at(ProducerId(7)).last_sequence(), 1);
}

TEST_F(LogCompactionTest, BatchAtTheEndOfTheRoundStaysAsAHeader) {
  put({{"a", "1"}});
  put({{"b", "1"}});
  roll_and_flush();
  put({{"a", "2"}});
  roll_and_flush();
  put({{"b", "2"}});
  roll_and_flush();
  put({{"b", "3"}});
  roll_and_flush();
  compact();
  EXPECT_EQ(records(), (std::vector<std::string>{"2 a=2", "4 b=3"}));
  EXPECT_EQ(log_->log_end_offset(), Offset(5));
  crash_and_open();
  EXPECT_EQ(log_->log_end_offset(), Offset(5));
}

TEST_F(LogCompactionTest, AbortedRecordsGoAndMarkersFollowThem) {
  config_.delete_retention_time = milliseconds(100);
  log_->set_config(config_);
  const auto transactional = [](int64_t id, int32_t sequence) {
    return protocol::BatchOptions{.is_transactional = true,
                                  .producer_id = ProducerId(id),
                                  .producer_epoch = ProducerEpoch(0),
                                  .base_sequence = sequence};
  };
  put({{"a", "aborted"}, {"b", "aborted"}}, transactional(1, 0));
  put({{"c", "committed"}}, transactional(2, 0));
  append_marker(ControlType::kAbort, ProducerId(1));
  append_marker(ControlType::kCommit, ProducerId(2));
  put({{"d", "committed"}}, transactional(1, 2));
  append_marker(ControlType::kCommit, ProducerId(1));
  log_->advance_high_watermark(log_->log_end_offset());
  put({{"z", "1"}});
  roll_and_flush();
  compact();
  EXPECT_EQ(records(), (std::vector<std::string>{"2 c=committed", "5 d=committed", "7 z=1"}));
  auto control_batches = [&] {
    std::vector<Offset> found;
    for (const RecordBatch& batch : served()) {
      if (batch.is_control()) found.push_back(batch.base_offset());
    }
    return found;
  };
  // This round saw the batches of each transaction.
  EXPECT_EQ(control_batches(), (std::vector<Offset>{Offset(3), Offset(4), Offset(6)}));
  EXPECT_EQ(content("00000000000000000000.txnindex").size(), kAbortedTransactionSize);
  put({{"y", "1"}});
  roll_and_flush();
  compact();
  // The next one finds the abort with nothing before it, and gives it its horizon.
  EXPECT_EQ(control_batches(), (std::vector<Offset>{Offset(3), Offset(4), Offset(6)}));
  EXPECT_EQ(content("00000000000000000000.txnindex"), "(none)");
  now_ += 100;
  put({{"x", "1"}});
  roll_and_flush();
  compact();
  EXPECT_EQ(control_batches(), (std::vector<Offset>{Offset(4), Offset(6)}));
  const auto state = log_->producers().producers().at(ProducerId(1));
  crash_and_open();
  EXPECT_FALSE(log_->producers().has_unstable());
  EXPECT_EQ(log_->producers().producers().at(ProducerId(1)).last_sequence(), state.last_sequence());
}

TEST_F(LogCompactionTest, NothingAboveAnOpenTransactionIsTouched) {
  put({{"a", "1"}});
  roll_and_flush();
  put({{"b", "1"}},
      {.is_transactional = true, .producer_id = ProducerId(1), .producer_epoch = ProducerEpoch(0), .base_sequence = 0});
  roll_and_flush();
  put({{"a", "2"}});
  roll_and_flush();
  const auto dirtiness = log_->dirtiness(stable(), now_);
  EXPECT_EQ(dirtiness->first_uncleanable, Offset(1));
}

TEST_F(LogCompactionTest, NothingThatCouldBeLostSupersedesARecord) {
  put({{"a", "1"}});
  roll_and_flush();
  put({{"a", "2"}});
  ASSERT_TRUE(log_->roll(now_));
  EXPECT_EQ(log_->dirtiness(stable(), now_)->first_uncleanable, Offset(1));
  flush();
  EXPECT_EQ(log_->dirtiness(stable(), now_)->first_uncleanable, Offset(2));
}

TEST_F(LogCompactionTest, DirtinessKeepsToTheLagsAndCountsBytes) {
  put({{"a", "1"}}, {}, Timestamp(1'000));
  roll_and_flush();
  put({{"a", "2"}}, {}, Timestamp(2'000));
  roll_and_flush();
  now_ = Timestamp(2'500);
  config_.compaction_lag_min = milliseconds(501);
  log_->set_config(config_);
  const uint64_t one = log_->size() / 2;
  Dirtiness dirtiness = *log_->dirtiness(stable(), now_);
  EXPECT_EQ(dirtiness.first_uncleanable, Offset(1));
  EXPECT_EQ(dirtiness.dirty_bytes, one);
  EXPECT_EQ(dirtiness.clean_bytes, 0u);
  EXPECT_EQ(dirtiness.ratio(), 1.0);
  EXPECT_FALSE(dirtiness.is_overdue);
  config_.compaction_lag_min = milliseconds(500);
  config_.compaction_lag_max = milliseconds(1'500);
  log_->set_config(config_);
  EXPECT_EQ(log_->dirtiness(stable(), now_)->first_uncleanable, Offset(2));
  EXPECT_FALSE(log_->dirtiness(stable(), now_)->is_overdue);
  EXPECT_TRUE(log_->dirtiness(stable(), now_ + 1)->is_overdue);
  compact();
  dirtiness = *log_->dirtiness(stable(), now_);
  EXPECT_EQ(dirtiness.first_dirty, Offset(2));
  EXPECT_EQ(dirtiness.dirty_bytes, 0u);
  EXPECT_FALSE(dirtiness.is_overdue);
}

TEST_F(LogCompactionTest, FullMapEndsTheRoundAndTheNextOneGoesOnThere) {
  memory_.map_bytes = 16 * 10;  // 9 keys
  for (int i = 0; i < 40; ++i) put({{"k" + std::to_string(i % 20), std::to_string(i)}, {"s", std::to_string(i)}});
  roll_and_flush();
  std::vector<Offset> ends;
  for (int rounds = 0; rounds < 30 && log_->cleaned_before() != log_->log_end_offset(); ++rounds) {
    compact();
    ends.push_back(*log_->cleaned_before());
  }
  EXPECT_TRUE(std::ranges::is_sorted(ends));
  EXPECT_GT(ends.size(), 3u);
  std::map<std::string, int> seen;
  for (const std::string& record : records()) ++seen[record.substr(record.find(' '))];
  EXPECT_EQ(seen.size(), 21u);
  EXPECT_EQ(records().back(), "79 s=39");
}

TEST_F(LogCompactionTest, SegmentsAreMergedUpToTheirLimit) {
  config_.segment_size_max = 600;
  log_->set_config(config_);
  for (int i = 0; i < 12; ++i) {
    put({{"k" + std::to_string(i), std::string(100, 'v')}});
    roll_and_flush();
  }
  ASSERT_EQ(log_->segment_count(), 13u);
  compact();
  EXPECT_EQ(log_->segment_count(), 5u);
  EXPECT_EQ(records().size(), 12u);
  for (Offset from{0}; from < Offset(12); from += 1) EXPECT_EQ(served(from).front().base_offset(), from);
  // Snapshots of segments that are no more went with them.
  const std::vector<std::string> names = file_names();
  EXPECT_EQ(std::ranges::count_if(names, [](const std::string& name) { return name.ends_with(".snapshot"); }), 4);
}

TEST_F(LogCompactionTest, ReaderOfAVanishedOffsetFindsTheNextAndAnOpenReadGoesOn) {
  put({{"a", "1"}});
  put({{"b", "1"}});
  roll_and_flush();
  put({{"a", "2"}});
  roll_and_flush();
  const auto old_read = log_->read(Offset(0), 1'000, log_->log_end_offset(), true);
  ASSERT_TRUE(old_read);
  compact();
  ASSERT_TRUE(log_->take_deletions().run(disk_));
  ByteVector old(old_read->records.length);
  EXPECT_EQ(*old_read->records.file->read_at(old_read->records.position, old), old.size());
  EXPECT_EQ(records_of(batches_in(old)).front(), "0 a=1");
  EXPECT_EQ(served(Offset(0)).front().base_offset(), Offset(1));
}

TEST_F(LogCompactionTest, TruncationEndsTheRound) {
  put({{"a", "1"}});
  roll_and_flush();
  put({{"a", "2"}});
  roll_and_flush();
  put({{"a", "3"}});
  auto started = plan();
  ASSERT_TRUE(started);
  Compaction compaction(disk_, *std::move(started), memory_);
  while (*compaction.step(step_bytes_) != Compaction::Step::kSegment) continue;
  ASSERT_TRUE(log_->truncate_to(Offset(1), now_));
  EXPECT_FALSE(log_->compacting());
  ASSERT_TRUE(compaction.discard());
  log_->end_compaction(std::nullopt);
  EXPECT_EQ(records(), (std::vector<std::string>{"0 a=1"}));
  EXPECT_TRUE(files_in_order());
  EXPECT_EQ(log_->cleaned_before(), std::nullopt);
}

TEST_F(LogCompactionTest, TruncationBringsASwapThatHasBegunToItsEndFirst) {
  for (int steps = 1; steps <= 3; ++steps) {
    SCOPED_TRACE(steps);
    const Offset start = log_->log_end_offset();
    put({{"a", "1"}});
    put({{"b", "1"}});
    roll_and_flush();
    put({{"a", "2"}});
    put({{"c", "1"}});
    roll_and_flush();
    auto started = plan();
    ASSERT_TRUE(started);
    Compaction compaction(disk_, *std::move(started), memory_);
    while (*compaction.step(step_bytes_) != Compaction::Step::kSegment) continue;
    for (int i = 0; i < steps; ++i) ASSERT_TRUE(*log_->swap_in(compaction.segment()));
    ASSERT_TRUE(log_->truncate_to(start + 3, now_));
    log_->end_compaction(std::nullopt);
    EXPECT_TRUE(files_in_order());
    const std::vector<std::string> expected{std::to_string(start.value() + 1) + " b=1",
                                            std::to_string(start.value() + 2) + " a=2"};
    EXPECT_EQ(records(), expected);
    crash_and_open();
    EXPECT_EQ(records(), expected);
    ASSERT_TRUE(log_->truncate_fully_and_start_at(log_->log_end_offset(), now_));
  }
}

TEST_F(LogCompactionTest, DamagedBatchIsNotMadeGoodByCompaction) {
  put({{"a", "1"}, {"b", "1"}});
  put({{"a", "2"}});
  roll_and_flush();
  const auto file = disk_.open(folder_ + "/00000000000000000000.log", OpenMode::kReadWrite);
  ASSERT_TRUE((*file)->write_at(protocol::kBatchHeaderSize + 9, as_bytes("?")));
  const Result<> ran = run_round();
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, Errc::kCorrupt);
}

TEST_F(LogCompactionTest, RetentionWaitsUntilCompactionHasReadTheSegments) {
  config_.deletes_old_segments = true;
  config_.retention_bytes = 0;
  log_->set_config(config_);
  put({{"a", "1"}});
  roll_and_flush();
  put({{"b", "1"}});
  ASSERT_TRUE(plan());
  EXPECT_EQ(*log_->apply_retention(now_, log_->log_end_offset()), 0u);
  log_->end_compaction(std::nullopt);
  EXPECT_GT(*log_->apply_retention(now_, log_->log_end_offset()), 0u);
}

}  // namespace
}  // namespace weir::storage
