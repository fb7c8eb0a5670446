// What the checkpoints say of logs that a node has not opened, or could not; and nodes with several directories.
#include "broker/log_dirs.h"

#include <gtest/gtest.h>

#include <future>

#include "base/real/posix_network.h"
#include "base/real/process.h"
#include "base/real/system.h"
#include "broker/config/broker_config.h"
#include "broker/shard.h"
#include "sim/disk.h"
#include "storage/log_directory.h"
#include "storage/partition_metadata.h"

namespace weir::broker {
namespace {

using storage::CheckpointKind;
using storage::LogDirectory;
using storage::OffsetCheckpoint;

// One task after the other on a loop that has a thread of its own, with a simulated disk.
class TasksTest : public ::testing::Test {
 protected:
  void TearDown() override {
    loops_.join();
    disk_threads_.finish();
    loops_.clear();
  }
  void run(Task<void> task) {
    std::promise<void> done;
    loop_.post([&] { loop_.spawn(and_tell(std::move(task), done)); });
    done.get_future().wait();
  }

  SystemClock clock_;
  SystemRandom random_;
  SystemDiskThreads disk_threads_{2};
  PosixNetwork network_{disk_threads_};
  LoopThreads loops_{1, clock_};
  Loop& loop_ = *loops_.loops().front();
  sim::Simulation simulation_{1};
  sim::SimClock sim_clock_{simulation_, seconds(0), seconds(0)};
  sim::SimDisk disk_{simulation_, sim_clock_};
  BrokerConfig config_ = BrokerConfig::make(default_settings(), "localhost").value();
  NodeContext context_{
      .config = config_, .seams = Seams{clock_, random_, disk_, disk_threads_, network_}, .node_id = NodeId(1)};

 private:
  static Task<void> and_tell(Task<void> task, std::promise<void>& done) {
    co_await std::move(task);
    done.set_value();
  }
};

class LogDirsTest : public TasksTest {
 protected:
  LogDirsTest() {
    CHECK(disk_.create_directories("data"));
    CHECK(disk_.create_directories("data/t-0"));
    CHECK(LogDirectory::write_meta_properties(disk_, "data", {.cluster_id = "c", .node_id = NodeId(1)}));
    write(CheckpointKind::kRecoveryPoint, {{kThere, Offset(6)}, {kGone, Offset(3)}});
    write(CheckpointKind::kHighWatermark, {{kThere, Offset(7)}, {kGone, Offset(3)}});
    write(CheckpointKind::kLogStart, {{kThere, Offset(5)}, {kGone, Offset(2)}});
    dirs_ = std::make_unique<LogDirs>(context_, loop_, std::vector<std::string>{"data"}, "data");
    CHECK(dirs_->open());
  }
  // Takes the lock for a moment: not while dirs_ has it.
  void write(CheckpointKind kind, const OffsetCheckpoint& checkpoint) {
    CHECK(LogDirectory::open(disk_, "data").value()->write_checkpoint(kind, checkpoint));
  }
  std::string content(const std::string& file) { return disk_.read_file("data/" + file).value_or("(none)"); }
  void write_all(std::vector<CheckpointedPartition> served) {
    std::vector<CheckpointedPartition> all;
    run([](LogDirs& dirs, auto& into) -> Task<void> { into = co_await dirs.not_served(); }(*dirs_, all));
    all.insert(all.end(), served.begin(), served.end());
    run([](LogDirs& dirs, std::vector<CheckpointedPartition> what) -> Task<void> {
      EXPECT_TRUE(co_await dirs.write_checkpoints(std::move(what), Checkpoints::kAll));
    }(*dirs_, std::move(all)));
  }

  const storage::TopicPartition kThere{"t", PartitionIndex(0)};
  const storage::TopicPartition kGone{"gone", PartitionIndex(0)};
  std::unique_ptr<LogDirs> dirs_;
};

// A log that found no room at the start lost its log start with the next checkpoints, and deleted records came back.
TEST_F(LogDirsTest, CheckpointsGoOnSayingWhatIsKnownOfLogsThatAreNotServed) {
  write_all({});
  EXPECT_EQ(content("recovery-point-offset-checkpoint"), "0\n1\nt 0 6\n");
  EXPECT_EQ(content("replication-offset-checkpoint"), "0\n1\nt 0 7\n");
  EXPECT_EQ(content("log-start-offset-checkpoint"), "0\n1\nt 0 5\n");
}

TEST_F(LogDirsTest, WhatAServedLogSaysOfItselfHolds) {
  write_all({{.directory = "data",
              .partition = kThere,
              .recovery_point = Offset(9),
              .high_watermark = Offset(10),
              .log_start_offset = Offset(8),
              .log_start_is_ahead = false}});
  EXPECT_EQ(content("recovery-point-offset-checkpoint"), "0\n1\nt 0 9\n");
  EXPECT_EQ(content("replication-offset-checkpoint"), "0\n1\nt 0 10\n");
  EXPECT_EQ(content("log-start-offset-checkpoint"), "0\n0\n");
}

// A topic that was deleted and made again under its old name began at the old one's log start.
TEST_F(LogDirsTest, NothingIsKnownOfALogAnyMoreOnceItIsServed) {
  run([](LogDirs& dirs, storage::TopicPartition served) -> Task<void> {
    EXPECT_EQ((co_await dirs.not_served()).size(), 1U);
    co_await dirs.are_served({std::move(served)});
    EXPECT_EQ((co_await dirs.not_served()).size(), 0U);
  }(*dirs_, kThere));
}

// ------------------------------------------------------------------------------------------------- several directories

class SeveralDirsTest : public TasksTest {
 protected:
  SeveralDirsTest() {
    for (const auto& [path, id] : {std::pair("a", kA), std::pair("b", kB)}) {
      CHECK(disk_.create_directories(path));
      CHECK(LogDirectory::write_meta_properties(disk_, path,
                                                {.cluster_id = "c", .node_id = NodeId(1), .directory_id = id}));
    }
    context_.shards = {&shard_};
    context_.log_dirs = &dirs_;
  }
  // Where a log of that partition comes to lie, or why it cannot be opened.
  std::string open(const std::string& topic, const Uuid& assigned) {
    std::string outcome;
    run([](SeveralDirsTest& test, std::string name, Uuid directory, std::string& into) -> Task<void> {
      auto opened = co_await test.dirs_.open_log(test.shard_, {.partition = {name, PartitionIndex(0)},
                                                               .topic_id = Uuid(7, 7),
                                                               .assigned_directory = directory,
                                                               .config = {}});
      into = opened ? opened->log->directory() : std::string(errc_name(opened.error().code));
    }(*this, topic, assigned, outcome));
    return outcome;
  }
  std::vector<std::string> online() {
    std::vector<std::string> paths;
    for (const DirectoryState& state : dirs_.states()) {
      if (state.is_online) paths.push_back(state.path);
    }
    return paths;
  }
  // A folder as a log of the topic above leaves it.
  void make_folder(const std::string& name) {
    CHECK(disk_.create_directories(name));
    CHECK(storage::write_partition_metadata(disk_, name, Uuid(7, 7)));
  }

  static constexpr Uuid kA{9, 1001};
  static constexpr Uuid kB{9, 1002};
  LogDirs dirs_{context_, loop_, {"a", "b"}, "a"};
  BrokerShard shard_{context_, loop_, 1};
};

TEST_F(SeveralDirsTest, NewLogsGoToTheDirectoryWithTheFewest) {
  ASSERT_TRUE(dirs_.open());
  EXPECT_EQ(open("one", quorum::kUnassignedDirectory), "a/one-0");
  EXPECT_EQ(open("two", quorum::kUnassignedDirectory), "b/two-0");
  EXPECT_EQ(open("three", quorum::kUnassignedDirectory), "a/three-0");
  EXPECT_EQ(open("four", kA), "a/four-0") << "as the controller has it";
}

TEST_F(SeveralDirsTest, CordonedDirectoriesTakeNoNewLogs) {
  ASSERT_TRUE(dirs_.open());
  int changes = 0;
  dirs_.on_change([&] { ++changes; });
  dirs_.configure({.dynamic_broker = {{"cordoned.log.dirs", "a"}}});
  dirs_.configure({.dynamic_broker = {{"cordoned.log.dirs", "a"}}});
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(dirs_.cordoned_ids(), std::vector{kA});
  EXPECT_EQ(open("one", quorum::kUnassignedDirectory), "b/one-0");
  EXPECT_EQ(open("two", quorum::kUnassignedDirectory), "b/two-0");
  dirs_.configure({.dynamic_broker = {{"cordoned.log.dirs", "*"}}});
  EXPECT_EQ(dirs_.cordoned_ids(), (std::vector{kA, kB}));
}

TEST_F(SeveralDirsTest, DirectoryThatCannotBeReadIsLeftOut) {
  disk_.conditions() = {.read_error_percent = 100, .failing_below = "b"};
  ASSERT_TRUE(dirs_.open());
  EXPECT_EQ(online(), std::vector<std::string>{"a"});
  EXPECT_EQ(dirs_.directory_ids(), std::vector{kA});
}

TEST_F(SeveralDirsTest, NodeDoesNotStartWithoutTheDirectoryOfItsMetadata) {
  disk_.conditions() = {.read_error_percent = 100, .failing_below = "a"};
  EXPECT_EQ(dirs_.open().error().code, Errc::kIo);
}

TEST_F(SeveralDirsTest, DirectoryThatIsNotThereIsRefused) {
  ASSERT_TRUE(disk_.remove_recursively("b"));
  EXPECT_EQ(dirs_.open().error().code, Errc::kNotFound);
}

TEST_F(SeveralDirsTest, CopyOfADirectoryIsRefused) {
  CHECK(LogDirectory::write_meta_properties(disk_, "b", {.cluster_id = "c", .node_id = NodeId(1), .directory_id = kA}));
  EXPECT_EQ(dirs_.open().error().code, Errc::kInvalidArgument);
}

// An empty log in its place would take the records of those who do not know that theirs are offline.
TEST_F(SeveralDirsTest, LogThatMayBeInAnOfflineDirectoryIsNotMadeAnew) {
  disk_.conditions() = {.read_error_percent = 100, .failing_below = "b"};
  ASSERT_TRUE(dirs_.open());
  EXPECT_EQ(open("lost", kB), errc_name(Errc::kUnavailable));
  EXPECT_EQ(open("old", quorum::kMigratingDirectory), errc_name(Errc::kUnavailable));
  EXPECT_EQ(open("kept", kA), "a/kept-0");
  EXPECT_EQ(open("new", quorum::kUnassignedDirectory), "a/new-0");
}

TEST_F(SeveralDirsTest, FailureOfADirectoryIsToldOnce) {
  ASSERT_TRUE(dirs_.open());
  int told = 0;
  dirs_.on_change([&] { ++told; });
  run([](LogDirs& dirs, int& count) -> Task<void> {
    dirs.report_failure("b", "broken");
    dirs.report_failure("b", "broken still");
    while (count == 0) co_await Yield();
    for (int step = 0; step < 20; ++step) co_await Yield();
  }(dirs_, told));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(online(), std::vector<std::string>{"a"});
}

// The node ended between the two renames of a move.
TEST_F(SeveralDirsTest, CopyThatTheControllerHasTakesTheMissingLogsPlace) {
  make_folder("b/t-0.0123456789abcdef0123456789abcdef-future");
  ASSERT_TRUE(dirs_.open());
  EXPECT_EQ(open("t", kB), "b/t-0");
  EXPECT_FALSE(disk_.stat("b/t-0.0123456789abcdef0123456789abcdef-future"));
}

TEST_F(SeveralDirsTest, UnfinishedCopyBesideItsLogIsGoneOnWith) {
  make_folder("a/t-0");
  make_folder("b/t-0.0123456789abcdef0123456789abcdef-future");
  ASSERT_TRUE(dirs_.open());
  run([](LogDirs& dirs, BrokerShard& shard) -> Task<void> {
    auto opened = co_await dirs.open_log(
        shard, {.partition = {"t", PartitionIndex(0)}, .topic_id = Uuid(7, 7), .assigned_directory = kB, .config = {}});
    CHECK(opened && opened->moving_to);
    EXPECT_EQ(opened->place.directory, "a") << "what counts is the log, as long as there is one";
    EXPECT_EQ(opened->moving_to->directory, "b");
  }(dirs_, shard_));
}

// One directory had failed in the middle of a move.
TEST_F(SeveralDirsTest, OfTwoFoldersTheOneCountsThatTheControllerHas) {
  make_folder("a/t-0");
  make_folder("b/t-0");
  ASSERT_TRUE(dirs_.open());
  EXPECT_EQ(open("t", kB), "b/t-0");
  EXPECT_FALSE(disk_.stat("a/t-0"));
  bool is_aside = false;
  for (const FileInfo& file : disk_.list("a").value()) is_aside |= file.name.ends_with("-stray");
  EXPECT_TRUE(is_aside);
}

// As when partitions were given to others, or deleted, while the node was away.
TEST_F(SeveralDirsTest, FoldersOfPartitionsThatAreNotThisNodesAnyMoreArePutAside) {
  for (const char* name : {"a/mine-0", "a/others-0", "b/gone-0", "a/__cluster_metadata-0"}) make_folder(name);
  quorum::MetadataImage image;
  for (const auto& [name, replica] : {std::pair("mine", 1), std::pair("others", 2)}) {
    quorum::PartitionImage partition;
    partition.replicas = {NodeId(replica)};
    auto topic = std::make_shared<quorum::TopicImage>();
    topic->name = name;
    topic->partitions.push_back(std::make_shared<const quorum::PartitionImage>(partition));
    image.topics_by_name.set(name, topic);
  }
  ASSERT_TRUE(dirs_.open());
  run(dirs_.put_strays_aside(image));
  EXPECT_TRUE(disk_.stat("a/mine-0"));
  EXPECT_TRUE(disk_.stat("a/__cluster_metadata-0"));
  EXPECT_FALSE(disk_.stat("a/others-0"));
  EXPECT_FALSE(disk_.stat("b/gone-0"));
  for (const char* directory : {"a", "b"}) {
    const auto files = disk_.list(directory).value();
    EXPECT_EQ(std::ranges::count_if(files, [](const FileInfo& file) { return file.name.ends_with("-stray"); }), 1);
  }
}

TEST_F(SeveralDirsTest, PartitionThatIsToComeIsMadeWhereItWasSent) {
  ASSERT_TRUE(dirs_.open());
  run([](LogDirs& dirs) -> Task<void> {
    EXPECT_TRUE(co_await dirs.find_target("b", storage::TopicPartition{"later", PartitionIndex(0)}));
    EXPECT_EQ((co_await dirs.find_target("c", {})).error(), TargetProblem::kUnknown);
  }(dirs_));
  EXPECT_EQ(open("later", kA), "b/later-0");
  EXPECT_EQ(open("other", kA), "a/other-0");
}

}  // namespace
}  // namespace weir::broker
