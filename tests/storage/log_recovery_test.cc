// Crashes: torn tails, lost writes, interrupted swaps, damaged files.
#include "storage/entry_scanner.h"
#include "storage/log_fixture.h"

namespace weir::storage {
namespace {

using protocol::ControlType;

class LogRecoveryTest : public LogFixture {
 protected:
  void write(const std::string& name, std::string_view bytes) {
    auto file = disk_.open(folder_ + "/" + name, OpenMode::kTruncate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(0, as_bytes(bytes)));
  }
};

constexpr const char* kFirstLog = "00000000000000000000.log";

// A reader saw a record of a killed process in the next one, and then the power took it.
TEST_F(LogRecoveryTest, WhatAKilledProcessDidNotFlushIsFlushedAsTheSettingsAsk) {
  config_.flush_records = 1;
  ASSERT_TRUE(open());
  append_good({});
  crash_and_open();
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kAll);
  flush();
  EXPECT_EQ(log_->recovery_point(), Offset(1));
  EXPECT_EQ(log_->flush_need(now_), FlushNeed::kNone);
}

TEST_F(LogRecoveryTest, TornTailIsCutAtEveryByteOfTheLastBatch) {
  config_.index_interval = 100;
  ASSERT_TRUE(open());
  append_good({.records = 2, .value_size = 40, .producer_id = ProducerId(5)});
  append_good({.records = 2, .value_size = 40, .producer_id = ProducerId(5), .sequence = 2});
  const std::string whole = content(kFirstLog);
  append_good({.records = 2, .value_size = 40, .producer_id = ProducerId(5), .sequence = 4});
  const std::string with_last = content(kFirstLog);
  for (size_t size = whole.size(); size < with_last.size(); ++size) {
    write(kFirstLog, with_last.substr(0, size));
    crash_and_open();
    ASSERT_EQ(log_->log_end_offset(), Offset(4)) << size;
    ASSERT_EQ(content(kFirstLog), whole);
    // What was cut off is unknown to the producer's state too.
    ASSERT_EQ(log_->producers().producers().at(ProducerId(5)).last_sequence(), 3);
  }
  for (size_t at = whole.size(); at < with_last.size(); ++at) {
    // The base offset and the leader epoch are not under the checksum.
    if (at < whole.size() + 8 || (at >= whole.size() + 12 && at < whole.size() + 16)) continue;
    std::string damaged = with_last;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write(kFirstLog, damaged);
    crash_and_open();
    ASSERT_EQ(log_->log_end_offset(), Offset(4)) << at;
  }
  EXPECT_TRUE(append({.records = 2, .producer_id = ProducerId(5), .sequence = 4}));
}

TEST_F(LogRecoveryTest, ZerosBehindTheRecordsAreCutOff) {
  ASSERT_TRUE(open());
  append_good({}, 3);
  const std::string whole = content(kFirstLog);
  write(kFirstLog, whole + std::string(5'000, '\0'));
  crash_and_open();
  EXPECT_EQ(content(kFirstLog), whole);
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
}

// The base offset is not under the checksum, and a sum of the two would overflow.
TEST_F(LogRecoveryTest, OffsetsThatCannotBeAreCutOff) {
  ASSERT_TRUE(open());
  append_good({}, 3);
  const std::string whole = content(kFirstLog);
  append_good({});
  std::string damaged = content(kFirstLog);
  constexpr size_t kLastOffsetDeltaAt = 23;
  store_be<int64_t>(reinterpret_cast<uint8_t*>(damaged.data() + whole.size()), INT64_MIN + 1);
  store_be<int32_t>(reinterpret_cast<uint8_t*>(damaged.data() + whole.size() + kLastOffsetDeltaAt), INT32_MIN);
  write(kFirstLog, damaged);
  crash_and_open();
  EXPECT_EQ(content(kFirstLog), whole);
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
}

TEST_F(LogRecoveryTest, SegmentsBehindATornOneAreDropped) {
  config_.segment_size_max = 300;
  ASSERT_TRUE(open());
  append_good({.value_size = 100}, 7);
  ASSERT_EQ(log_->segment_count(), 7u);
  const std::string third = content("00000000000000000002.log");
  write("00000000000000000002.log", third.substr(0, third.size() - 1));
  crash_and_open(Offset(1));
  EXPECT_EQ(log_->log_end_offset(), Offset(2));
  EXPECT_EQ(served().size(), 2u);
  EXPECT_TRUE(log_->take_deletions().run(disk_));
  append_good({.value_size = 100}, 2);
  restart();
  EXPECT_EQ(served().size(), 4u);
}

TEST_F(LogRecoveryTest, RecoveryReadsOnlyWhatFollowsTheRecoveryPoint) {
  config_.segment_size_max = 300;
  ASSERT_TRUE(open());
  append_good({.value_size = 100}, 4);
  std::string damaged = content(kFirstLog);
  damaged.back() = 'x';
  write(kFirstLog, damaged);
  crash_and_open(Offset(3));
  EXPECT_EQ(log_->log_end_offset(), Offset(4));  // a full check would have cut the log down to nothing
}

TEST_F(LogRecoveryTest, DamagedIndexesAndEpochsAndSnapshotsAreBuiltAnew) {
  config_.segment_size_max = 2'000;
  config_.index_interval = 100;
  ASSERT_TRUE(open());
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(
        append({.value_size = 100, .timestamp = Timestamp(1'000 + i), .producer_id = ProducerId(1), .sequence = i},
               LeaderEpoch(i / 10)));
  }
  restart();
  log_->detach();
  ASSERT_TRUE(log_->close());
  std::map<std::string, std::string> good;
  for (const std::string& name : file_names()) good[name] = content(name);
  for (const auto& [name, bytes] : good) {
    if (name.ends_with(".log") || name == "partition.metadata") continue;
    if (name.ends_with("index")) ASSERT_TRUE(disk_.remove(folder_ + "/" + name));
    if (!name.ends_with("index")) write(name, "damaged");
  }
  crash_and_open();
  restart();
  log_->detach();
  ASSERT_TRUE(log_->close());
  for (const auto& [name, bytes] : good) {
    // Only the snapshots of the last segments are of use.
    if (!name.ends_with(".snapshot") || content(name) != "(none)") EXPECT_EQ(content(name), bytes) << name;
  }
}

// Recovery reads a piece of the log at a time: the header of a batch must be known behind the check of all of it too.
TEST_F(LogRecoveryTest, BatchesThatLieAcrossWhatIsReadAtOnceAreUnderstood) {
  constexpr int kBatches = 40;
  config_.batch_size_max = 2 * kRecoveryChunk;
  ASSERT_TRUE(open());
  for (int i = 0; i < kBatches; ++i) {
    ASSERT_TRUE(append({.value_size = kRecoveryChunk / 12 + 1, .producer_id = ProducerId(i)}, LeaderEpoch(3)));
  }
  // Larger than all that is read at once.
  ASSERT_TRUE(append({.value_size = kRecoveryChunk + 1, .producer_id = ProducerId(kBatches)}, LeaderEpoch(4)));
  crash_and_open();
  EXPECT_EQ(log_->log_end_offset(), Offset(kBatches + 1));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(4));
  EXPECT_EQ(log_->epochs().entries().size(), 2U);
  EXPECT_EQ(log_->producers().producers().size(), size_t{kBatches + 1});
}

// A replica that led for a while and wrote nothing: it must forget that epoch, or it would ask its leader for it for
// ever.
TEST_F(LogRecoveryTest, EpochWithoutRecordsIsCutOffAtTheEnd) {
  ASSERT_TRUE(open());
  append_good({.records = 3});
  log_->start_epoch(LeaderEpoch(2));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(2));
  EXPECT_EQ(log_->truncate_to(Offset(3), now_).value(), false);
  EXPECT_EQ(log_->log_end_offset(), Offset(3));
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(0));
  flush();
  crash_and_open();
  EXPECT_EQ(log_->latest_epoch(), LeaderEpoch(0));
}

TEST_F(LogRecoveryTest, InterruptedSwapsAndDeletionsAreFinished) {
  config_.segment_size_max = 300;
  ASSERT_TRUE(open());
  append_good({.value_size = 100}, 3);
  const std::string first = content(kFirstLog);
  write("00000000000000000000.log.swap", first);
  write("00000000000000000000.index.swap", "");
  write("00000000000000000000.timeindex.swap", "");
  write("00000000000000000007.log.deleted", "x");
  write("00000000000000000001.index.deleted", "x");
  write("00000000000000000009.index", "x");  // of no log
  write(kFirstLog, "what the swap replaces");
  crash_and_open();
  EXPECT_EQ(served().size(), 3u);
  for (const std::string& name : file_names()) {
    EXPECT_FALSE(name.ends_with(".swap") || name.ends_with(".deleted") || name.starts_with("00000000000000000009"))
        << name;
  }
  // A swap that stands above an unfinished copy was not decided yet.
  write("00000000000000000002.log.swap", first);
  write("00000000000000000001.log.cleaned", "x");
  crash_and_open();
  EXPECT_EQ(served().size(), 3u);
}

TEST_F(LogRecoveryTest, LogStartAboveTheEndStartsAnEmptyLogThere) {
  ASSERT_TRUE(open());
  append_good({}, 3);
  crash_and_open(Offset(0), Offset(50));
  EXPECT_EQ(log_->log_start_offset(), Offset(50));
  EXPECT_EQ(log_->log_end_offset(), Offset(50));
  EXPECT_EQ(append({})->base_offset, Offset(50));
}

TEST_F(LogRecoveryTest, FolderOfAnotherTopicIsRefused) {
  ASSERT_TRUE(open());
  EXPECT_EQ(content("partition.metadata"), "version: 0\ntopic_id: " + topic_id_.to_string());
  topic_id_ = Uuid(8, 8);
  EXPECT_EQ(open().error().code, Errc::kInvalidArgument);
  topic_id_ = Uuid();
  ASSERT_TRUE(open());
  EXPECT_EQ(log_->topic_id(), Uuid(7, 7));
}

TEST_F(LogRecoveryTest, CompactedBatchesWithGapsAndWithoutRecordsStayReadable) {
  ASSERT_TRUE(open());
  append_good({.records = 3, .producer_id = ProducerId(4)});
  const std::string first = content(kFirstLog);
  ByteVector empty = to_vector(as_bytes(first));
  empty.resize(protocol::kBatchHeaderSize);
  store_be(empty.data() + 8, static_cast<int32_t>(empty.size() - protocol::kEntryOverhead));
  store_be(empty.data() + 57, int32_t{0});
  protocol::set_base_offset(empty, Offset(10));
  protocol::set_max_timestamp(empty, Timestamp(1'002));
  write(kFirstLog, first + std::string(as_text(empty)));
  crash_and_open();
  EXPECT_EQ(log_->log_end_offset(), Offset(13));
  EXPECT_EQ(log_->read(Offset(4), 1, Offset(13), true)->first_base_offset, Offset(10));
  EXPECT_FALSE((*log_->offset_for_timestamp(Timestamp(1'003))).has_value());
  EXPECT_EQ((*log_->offset_for_timestamp(Timestamp(1'002)))->offset, Offset(2));
}

// A crash at each change of the disk: what was flushed is there, and what is there is a prefix of what was appended.
class LogCrashTest : public ::testing::TestWithParam<bool> {};

struct CrashWorld : public LogFixture {
  explicit CrashWorld(uint64_t seed) : LogFixture(seed) {}
  void TestBody() override {}

  // Appends, rolls, flushes and truncates until the disk dies. The end that was flushed last.
  Offset work(std::vector<ByteVector>& appended, bool& died) {
    Offset durable{0};
    for (int i = 0; i < 25 && !died; ++i) {
      ByteVector batch = make_batch({.records = 2, .value_size = 100, .producer_id = ProducerId(1), .sequence = 2 * i});
      const AppendResult result = log_->append_as_leader(batch, {.leader_epoch = LeaderEpoch(i / 8), .now = now_});
      if (died || !result) break;
      appended.push_back(batch);
      if (i % 5 != 4) continue;
      const auto job = log_->start_flush(FlushNeed::kAll, now_);
      if (!job || !job->run() || died) break;
      log_->finish_flush(*job, {});
      durable = log_->recovery_point();
    }
    return durable;
  }

  void check(uint64_t operation, bool power) {
    config_.segment_size_max = 1'000;
    config_.index_interval = 200;
    ASSERT_TRUE(disk_.create_directories(folder_));
    ASSERT_TRUE(disk_.sync_directory("data"));
    ASSERT_TRUE(disk_.sync_directory("."));
    ASSERT_TRUE(open());
    bool died = false;
    disk_.die_at_operation(operation, [&] { died = true; });
    std::vector<ByteVector> appended;
    const Offset durable = work(appended, died);
    if (!died) disk_.halt();
    log_.reset();
    power ? disk_.power_lost() : disk_.process_ended();
    const Result<> opened = open(false, durable);
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_GE(log_->log_end_offset(), durable) << "operation " << operation;
    const auto batches = served();
    ASSERT_LE(batches.size(), appended.size() + 1);
    for (size_t i = 0; i < batches.size(); ++i) {
      ASSERT_EQ(batches[i].base_offset(), Offset(static_cast<int64_t>(2 * i)));
      if (i < appended.size()) ASSERT_TRUE(std::ranges::equal(batches[i].bytes(), appended[i]));
    }
    ASSERT_EQ(log_->log_end_offset(), Offset(static_cast<int64_t>(2 * batches.size())));
    const auto next =
        append({.records = 2, .producer_id = ProducerId(1), .sequence = static_cast<int32_t>(2 * batches.size())});
    ASSERT_TRUE(next) << next.error().message;
    ASSERT_FALSE(next->duplicate);
  }
};

TEST_P(LogCrashTest, NothingFlushedIsLostAndNothingTornIsServed) {
  for (uint64_t operation = 1; operation < 90; ++operation) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      CrashWorld world(seed * 1'000 + operation);
      world.check(operation, GetParam());
      if (HasFatalFailure()) FAIL() << "seed " << seed * 1'000 + operation << ", operation " << operation;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Losses, LogCrashTest, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "OfPower" : "OfTheProcess"; });

}  // namespace
}  // namespace weir::storage
