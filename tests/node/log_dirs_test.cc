// What the checkpoints say of logs that a node has not opened, or could not.
#include "broker/log_dirs.h"

#include "base/test_loop.h"
#include "broker/config/broker_config.h"
#include "sim/disk.h"
#include "storage/log_directory.h"

namespace weir::broker {
namespace {

using storage::CheckpointKind;
using storage::LogDirectory;
using storage::OffsetCheckpoint;

class LogDirsTest : public LoopTest {
 protected:
  LogDirsTest() {
    CHECK(disk_.create_directories("data"));
    CHECK(disk_.create_directories("data/t-0"));
    CHECK(LogDirectory::write_meta_properties(disk_, "data", {.cluster_id = "c", .node_id = NodeId(1)}));
    write(CheckpointKind::kRecoveryPoint, {{kThere, Offset(6)}, {kGone, Offset(3)}});
    write(CheckpointKind::kHighWatermark, {{kThere, Offset(7)}, {kGone, Offset(3)}});
    write(CheckpointKind::kLogStart, {{kThere, Offset(5)}, {kGone, Offset(2)}});
    dirs_ = std::make_unique<LogDirs>(context_, loop_, std::vector<std::string>{"data"});
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
    ASSERT_TRUE(dirs_->write_checkpoints(all, Checkpoints::kAll));
  }

  const storage::TopicPartition kThere{"t", PartitionIndex(0)};
  const storage::TopicPartition kGone{"gone", PartitionIndex(0)};
  sim::Simulation simulation_{1};
  sim::SimClock sim_clock_{simulation_, seconds(0), seconds(0)};
  sim::SimDisk disk_{simulation_, sim_clock_};
  BrokerConfig config_ = BrokerConfig::make(default_settings(), "localhost").value();
  NodeContext context_{
      .config = config_, .seams = Seams{clock_, random_, disk_, disk_threads_, network_}, .node_id = NodeId(1)};
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

}  // namespace
}  // namespace weir::broker
