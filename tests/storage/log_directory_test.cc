// The small files of log directories and partitions, on the real disk where there is one.
#include "storage/log_directory.h"

#include <gtest/gtest.h>

#include "base/real/posix_disk.h"
#include "storage/leader_epochs.h"
#include "storage/partition_metadata.h"

namespace weir::storage {
namespace {

class LogDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "weir-log-directory-test";
    ASSERT_TRUE(disk_.remove_recursively(path_));
    ASSERT_TRUE(disk_.create_directories(path_));
  }
  void TearDown() override { EXPECT_TRUE(disk_.remove_recursively(path_)); }

  PosixDisk disk_;
  std::string path_;
};

TEST_F(LogDirectoryTest, MetaPropertiesComeBackAndBothVersionsAreRead) {
  const MetaProperties properties{"abc=:", NodeId(3), Uuid(5, 6)};
  ASSERT_TRUE(LogDirectory::write_meta_properties(disk_, path_, properties));
  EXPECT_EQ(*LogDirectory::read_meta_properties(disk_, path_), properties);
  const auto old = parse_meta_properties("! a comment\nversion=0\nbroker.id = 4\n");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->node_id, NodeId(4));
  for (const char* bad :
       {"", "version=2\nnode.id=1\ncluster.id=x", "version=1\ncluster.id=x", "version=1\nnode.id=1x\ncluster.id=x",
        "version=1\nnode.id=1", "version=1\nnode.id=1\ncluster.id=x\ndirectory.id=short"}) {
    EXPECT_EQ(parse_meta_properties(bad).error().code, Errc::kCorrupt) << bad;
  }
  EXPECT_EQ(LogDirectory::read_meta_properties(disk_, path_ + "/none").error().code, Errc::kNotFound);
}

TEST_F(LogDirectoryTest, OneProcessHoldsADirectory) {
  auto first = LogDirectory::open(disk_, path_);
  ASSERT_TRUE(first);
  EXPECT_EQ(LogDirectory::open(disk_, path_).error().code, Errc::kBusy);
  first->reset();
  EXPECT_TRUE(LogDirectory::open(disk_, path_));
}

TEST_F(LogDirectoryTest, CleanShutdownIsTakenOnce) {
  auto directory = *LogDirectory::open(disk_, path_);
  EXPECT_EQ(*directory->take_clean_shutdown(), std::nullopt);
  ASSERT_TRUE(directory->write_clean_shutdown(BrokerEpoch(77)));
  EXPECT_EQ(*disk_.read_file(path_ + "/.kafka_cleanshutdown"), R"({"version":0,"brokerEpoch":77})");
  EXPECT_EQ(*directory->take_clean_shutdown(), BrokerEpoch(77));
  EXPECT_EQ(*directory->take_clean_shutdown(), std::nullopt);
  EXPECT_EQ(parse_clean_shutdown("{}").error().code, Errc::kCorrupt);
}

TEST_F(LogDirectoryTest, CheckpointsComeBackAndDamagedOnesAreRefused) {
  auto directory = *LogDirectory::open(disk_, path_);
  EXPECT_TRUE(directory->read_checkpoint(CheckpointKind::kCleaner)->empty());
  const OffsetCheckpoint checkpoint{{{"a", PartitionIndex(0)}, Offset(1)}, {{"b-c", PartitionIndex(10)}, Offset(2)}};
  ASSERT_TRUE(directory->write_checkpoint(CheckpointKind::kRecoveryPoint, checkpoint));
  EXPECT_EQ(*disk_.read_file(path_ + "/recovery-point-offset-checkpoint"), "0\n2\na 0 1\nb-c 10 2\n");
  EXPECT_EQ(*directory->read_checkpoint(CheckpointKind::kRecoveryPoint), checkpoint);
  EXPECT_TRUE(parse_offset_checkpoint("")->empty());
  for (const char* bad :
       {"1\n0\n", "0\n", "0\n1\n", "0\n1\na 0\n", "0\n1\na 0 x\n", "0\n0\na 0 1\n", "0\n1\na -1 1\n"}) {
    EXPECT_EQ(parse_offset_checkpoint(bad).error().code, Errc::kCorrupt) << bad;
  }
}

TEST_F(LogDirectoryTest, FoldersOfPartitionsAreTold) {
  const std::string unique(32, 'a');
  const std::string long_topic(249, 't');
  for (const std::string& name : {std::string("a-b-7"), "t-0." + unique + "-delete", "t-1." + unique + "-future",
                                  "t-2." + unique + "-stray", std::string("no_partition"), std::string("-1")}) {
    ASSERT_TRUE(disk_.create_directories(path_ + "/" + name));
  }
  auto directory = *LogDirectory::open(disk_, path_);
  const auto listed = directory->list_partitions();
  ASSERT_TRUE(listed);
  std::map<TopicPartition, DirectoryKind> kinds;
  for (const auto& found : *listed) kinds[found.directory.partition] = found.directory.kind;
  EXPECT_EQ(kinds, (std::map<TopicPartition, DirectoryKind>{{{"a-b", PartitionIndex(7)}, DirectoryKind::kLive},
                                                            {{"t", PartitionIndex(0)}, DirectoryKind::kDeleted},
                                                            {{"t", PartitionIndex(1)}, DirectoryKind::kFuture},
                                                            {{"t", PartitionIndex(2)}, DirectoryKind::kStray}}));
  const std::string marked = marked_directory_name({long_topic, PartitionIndex(12)}, unique, DirectoryKind::kDeleted);
  EXPECT_EQ(marked.size(), 255u);
  EXPECT_EQ(parse_partition_directory(marked)->kind, DirectoryKind::kDeleted);
  EXPECT_EQ(parse_partition_directory(marked)->partition.index, PartitionIndex(12));
}

TEST_F(LogDirectoryTest, PartitionMetadataComesBack) {
  ASSERT_TRUE(write_partition_metadata(disk_, path_, Uuid(1, 2)));
  EXPECT_EQ(*read_partition_metadata(disk_, path_), Uuid(1, 2));
  EXPECT_EQ(parse_partition_metadata("version: 1\ntopic_id: x").error().code, Errc::kCorrupt);
  EXPECT_EQ(parse_partition_metadata("version: 0\ntopic_id: x").error().code, Errc::kCorrupt);
}

TEST(LeaderEpochs, EndsAreTheStartsOfTheNext) {
  LeaderEpochs epochs;
  EXPECT_EQ(epochs.end_of(LeaderEpoch(1), Offset(5)), EpochEnd{});
  EXPECT_TRUE(epochs.assign(LeaderEpoch(2), Offset(0)));
  EXPECT_TRUE(epochs.assign(LeaderEpoch(5), Offset(10)));
  EXPECT_FALSE(epochs.assign(LeaderEpoch(5), Offset(12)));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(5), Offset(20)), (EpochEnd{LeaderEpoch(5), Offset(20)}));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(4), Offset(20)), (EpochEnd{LeaderEpoch(2), Offset(10)}));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(1), Offset(20)), (EpochEnd{LeaderEpoch(1), Offset(0)}));
  EXPECT_EQ(epochs.end_of(LeaderEpoch(6), Offset(20)), EpochEnd{});
  EXPECT_EQ(epochs.epoch_of(Offset(9)), LeaderEpoch(2));
  EXPECT_TRUE(epochs.assign(LeaderEpoch(3), Offset(7)));  // what contradicts it goes
  EXPECT_EQ(epochs.to_text(), "0\n2\n2 0\n3 7\n");
  EXPECT_TRUE(epochs.truncate_from_start(Offset(4)));
  EXPECT_FALSE(epochs.truncate_from_start(Offset(4)));
  EXPECT_EQ(LeaderEpochs::parse("0\n2\n2 4\n3 7\n")->entries(), epochs.entries());
  EXPECT_TRUE(epochs.truncate_from_end(Offset(7)));
  EXPECT_EQ(epochs.latest(), LeaderEpoch(2));
  EXPECT_EQ(LeaderEpochs::parse("0\n1\nx 7\n").error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace weir::storage
