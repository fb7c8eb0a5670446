// The data directory that Apache Kafka 4.3.1 wrote (tests/golden) opens, serves what it holds, and is rebuilt to the
// byte.
#include "golden/golden.h"
#include "storage/log_directory.h"
#include "storage/log_fixture.h"

namespace weir::storage {
namespace {

constexpr const char* kArchive = "data-solo.tar.gz";
// Kafka's node had this setting when it wrote the directory.
constexpr int32_t kIndexInterval = 256;
// No producer of the directory is idle for a day at this time.
constexpr Timestamp kThen{1'700'000'000'000};

class GoldenDirectoryTest : public LogFixture {
 protected:
  void SetUp() override {
    for (const auto& [path, content] : golden::archive(kArchive)) {
      if (path.empty() || path.ends_with('/')) continue;
      ASSERT_TRUE(disk_.create_directories(path.substr(0, path.rfind('/'))));
      ASSERT_TRUE((*disk_.open(path, OpenMode::kTruncate))->write_at(0, as_bytes(content)));
    }
    auto opened = LogDirectory::open(disk_, "data-solo");
    ASSERT_TRUE(opened);
    directory_ = std::move(*opened);
    config_.index_interval = kIndexInterval;
    topic_id_ = Uuid();
    now_ = kThen;
  }

  // Opens each live partition's log, gives it to `visit` and closes it.
  template <class Visit>
  void each_log(bool was_clean, Visit visit) {
    const auto starts = directory_->read_checkpoint(CheckpointKind::kLogStart);
    const auto ends = directory_->read_checkpoint(CheckpointKind::kRecoveryPoint);
    ASSERT_TRUE(starts && ends);
    size_t count = 0;
    const auto partitions = directory_->list_partitions();
    ASSERT_TRUE(partitions);
    for (const LogDirectory::Listed& listed : *partitions) {
      if (listed.directory.kind != DirectoryKind::kLive) continue;
      SCOPED_TRACE(listed.path);
      folder_ = listed.path;
      config_.index_interval =
          listed.directory.partition.topic == "__cluster_metadata" ? LogConfig().index_interval : kIndexInterval;
      const auto start = starts->find(listed.directory.partition);
      const auto end = ends->find(listed.directory.partition);
      const Result<> opened = open(was_clean, was_clean && end != ends->end() ? end->second : Offset(0),
                                   start == starts->end() ? Offset(0) : start->second);
      ASSERT_TRUE(opened) << opened.error().message;
      if (was_clean && end != ends->end()) EXPECT_EQ(log_->log_end_offset(), end->second);
      visit();
      log_->detach();
      ASSERT_TRUE(log_->close());
      log_.reset();
      ++count;
    }
    EXPECT_GT(count, 20u);
  }
  std::map<std::string, std::string> contents() {
    std::map<std::string, std::string> all;
    for (const std::string& name : file_names()) all[name] = content(name);
    return all;
  }

  // An epoch that began at the end of a log is dropped at the next start: its leader begins another.
  static bool has_epoch_without_records(const std::string& path) {
    for (const char* folder : {"/none-1/", "/__share_group_state-1/"}) {
      if (path.ends_with(folder + std::string(kLeaderEpochFile))) return true;
    }
    return false;
  }

  std::unique_ptr<LogDirectory> directory_;
};

TEST_F(GoldenDirectoryTest, FilesOfTheDirectoryAreRead) {
  const auto properties = directory_->read_meta_properties();
  ASSERT_TRUE(properties);
  EXPECT_EQ(properties->node_id, NodeId(1));
  EXPECT_EQ(properties->cluster_id, "MkU3OEVBNTcwNTJENDM2Qg");
  EXPECT_EQ(properties->directory_id->to_string(), "Dv7gYIFWONkuOD13lgh-0A");
  EXPECT_EQ(*directory_->take_clean_shutdown(), BrokerEpoch(11));
  EXPECT_EQ(*directory_->take_clean_shutdown(), std::nullopt);
  EXPECT_EQ(directory_->read_checkpoint(CheckpointKind::kLogStart)->at({"gzip", PartitionIndex(0)}), Offset(5));
  EXPECT_EQ(directory_->read_checkpoint(CheckpointKind::kHighWatermark)->at({"txn", PartitionIndex(0)}), Offset(12));
  size_t deleted = 0;
  const auto partitions = directory_->list_partitions();
  ASSERT_TRUE(partitions);
  for (const auto& listed : *partitions) {
    deleted += listed.directory.kind == DirectoryKind::kDeleted;
  }
  EXPECT_EQ(deleted, 1u);
}

TEST_F(GoldenDirectoryTest, CleanLogsAreServedAndLeftAsTheyWere) {
  std::map<std::string, std::string> before;
  each_log(true, [&] {
    ByteVector stored;
    for (const auto& [name, bytes] : contents()) {
      if (name.ends_with(".log")) stored.insert(stored.end(), bytes.begin(), bytes.end());
    }
    const ByteVector read = read_all(*log_, log_->log_start_offset(), log_->log_end_offset());
    ASSERT_LE(read.size(), stored.size());
    EXPECT_TRUE(std::equal(read.rbegin(), read.rend(), stored.rbegin()));
    if (log_->log_start_offset() == log_->first_segment_offset()) EXPECT_EQ(read.size(), stored.size());
    for (auto& [name, bytes] : contents()) before[folder_ + "/" + name] = bytes;
  });
  for (const auto& [path, bytes] : before) {
    if (!has_epoch_without_records(path)) EXPECT_EQ(disk_.read_file(path).value_or("(none)"), bytes) << path;
  }
}

TEST_F(GoldenDirectoryTest, RecoveryBuildsTheSameIndexesSnapshotsAndEpochs) {
  std::map<std::string, std::string> before;
  for (const auto& [path, bytes] : golden::archive(kArchive)) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.ends_with("index") || name.ends_with(".snapshot") || name == kLeaderEpochFile) before[path] = bytes;
  }
  // All that can be built from the records is taken away.
  for (const auto& [path, bytes] : before) {
    if (path.find("-delete/") != path.npos || path.find("compact-0/") != path.npos) continue;
    const bool is_kept = path.ends_with(kOffsetIndexSuffix) || path.find("gzip") != path.npos;
    if (!is_kept) ASSERT_TRUE(disk_.remove(path));
  }
  each_log(false, [] {});
  for (const auto& [path, bytes] : before) {
    if (has_epoch_without_records(path) || (bytes.empty() && !disk_.read_file(path))) continue;
    const auto now = disk_.read_file(path);
    ASSERT_TRUE(now) << path;
    EXPECT_EQ(golden::to_hex(as_bytes(*now)), golden::to_hex(as_bytes(bytes))) << path;
  }
}

TEST_F(GoldenDirectoryTest, AbortedTransactionsAreThoseOfTheIndex) {
  folder_ = "data-solo/txn-0";
  ASSERT_TRUE(open(true, Offset(12)));
  const auto read = log_->read(Offset(0), 1 << 20, Offset(12), true);
  ASSERT_TRUE(read);
  const auto aborted = log_->aborted_transactions(Offset(0), *read, Offset(12));
  ASSERT_TRUE(aborted);
  ASSERT_FALSE(aborted->empty());
  EXPECT_EQ(content("00000000000000000000.txnindex").size(), aborted->size() * kAbortedTransactionSize);
  EXPECT_EQ(log_->last_stable_offset(Offset(12)), Offset(12));
}

}  // namespace
}  // namespace weir::storage
