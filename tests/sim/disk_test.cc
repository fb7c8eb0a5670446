#include "sim/disk.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/loop.h"

namespace weir::sim {
namespace {

class SimDiskTest : public ::testing::Test {
 protected:
  std::shared_ptr<File> open(const std::string& path, OpenMode mode) {
    auto file = disk_.open(path, mode);
    EXPECT_TRUE(file.has_value());
    return *file;
  }
  void write(const std::string& path, std::string_view content) {
    EXPECT_TRUE(open(path, OpenMode::kCreate)->write_at(0, as_bytes(content)));
  }
  std::string content(const std::string& path) { return disk_.read_file(path).value_or("(none)"); }

  Simulation simulation_{1};
  SimClock clock_{simulation_, seconds(0), seconds(0)};
  SimDisk disk_{simulation_, clock_};
};

TEST_F(SimDiskTest, FilesReadBackWhatWasWrittenAcrossPagesAndHoles) {
  auto file = open("a", OpenMode::kCreateNew);
  const std::string text(10'000, 'x');
  EXPECT_TRUE(file->write_at(5'000, as_bytes(text)));
  EXPECT_EQ(*file->size(), 15'000u);
  std::array<uint8_t, 4> bytes;
  EXPECT_EQ(*file->read_at(4'998, bytes), 4u);
  EXPECT_EQ(as_text(bytes), std::string_view("\0\0xx", 4));
  EXPECT_EQ(*file->read_at(14'998, bytes), 2u);
  EXPECT_EQ(*file->read_at(20'000, bytes), 0u);
  EXPECT_TRUE(file->truncate(5'001));
  EXPECT_TRUE(file->truncate(5'004));
  EXPECT_EQ(*file->read_at(5'000, bytes), 4u);
  EXPECT_EQ(as_text(bytes), std::string_view("x\0\0\0", 4));
}

TEST_F(SimDiskTest, NamesBehaveAsInAFileSystem) {
  EXPECT_EQ(disk_.open("d/a", OpenMode::kCreate).error().code, Errc::kNotFound);
  EXPECT_TRUE(disk_.create_directories("/d/e"));
  EXPECT_TRUE(disk_.create_directories("d"));
  write("d/a", "one");
  write("d/b", "two");
  EXPECT_EQ(disk_.open("d/a", OpenMode::kCreateNew).error().code, Errc::kAlreadyExists);
  EXPECT_TRUE(disk_.rename("d/a", "d/b"));
  EXPECT_EQ(content("d/b"), "one");
  EXPECT_EQ(disk_.stat("d/a").error().code, Errc::kNotFound);
  EXPECT_EQ(disk_.stat("d/b")->size, 3u);
  EXPECT_EQ(disk_.remove("d").error().code, Errc::kIo);
  EXPECT_EQ(disk_.list("d")->size(), 2u);
  EXPECT_TRUE(disk_.rename("d", "moved"));
  EXPECT_EQ(content("moved/b"), "one");
  EXPECT_TRUE(disk_.make_read_only("moved/b"));
  EXPECT_EQ(disk_.open("moved/b", OpenMode::kReadWrite).error().code, Errc::kIo);
  EXPECT_TRUE(disk_.remove_recursively("moved"));
  EXPECT_TRUE(disk_.remove_recursively("moved"));
  EXPECT_EQ(disk_.list("moved").error().code, Errc::kNotFound);
}

TEST_F(SimDiskTest, LockIsHeldUntilReleasedOrTheProcessEnds) {
  EXPECT_TRUE(disk_.create_directories("d"));
  auto lock = disk_.lock("d");
  EXPECT_EQ(disk_.lock("d").error().code, Errc::kBusy);
  lock->reset();
  lock = disk_.lock("d");
  EXPECT_TRUE(lock.has_value());
  disk_.process_ended();
  auto next = disk_.lock("d");
  EXPECT_TRUE(next.has_value());
  lock->reset();  // the dead process's lock is not the new one's
  EXPECT_EQ(disk_.lock("d").error().code, Errc::kBusy);
}

TEST_F(SimDiskTest, ProcessKillKeepsUnsyncedWritesAndPowerLossMayNot) {
  write("a", "hello");
  disk_.process_ended();
  EXPECT_EQ(content("a"), "hello");
}

TEST_F(SimDiskTest, WhatWasSyncedSurvivesPowerLoss) {
  for (int i = 0; i < 50; ++i) {
    const std::string path = "file" + std::to_string(i);
    EXPECT_TRUE(disk_.write_file_atomically(path, "whole"));
    disk_.power_lost();
    EXPECT_EQ(content(path), "whole");
    EXPECT_TRUE(disk_.write_file_atomically(path, "newer"));
    auto file = open(path, OpenMode::kReadWrite);
    EXPECT_TRUE(file->write_at(0, as_bytes("XXXXX")));
    EXPECT_TRUE(file->sync());
    disk_.power_lost();
    EXPECT_EQ(content(path), "XXXXX");
  }
}

TEST_F(SimDiskTest, PowerLossKeepsLosesOrTearsUnsyncedWritesAndNames) {
  std::set<std::string> seen;
  for (int i = 0; i < 400; ++i) {
    const std::string path = "f" + std::to_string(i);
    auto file = open(path, OpenMode::kCreate);
    EXPECT_TRUE(file->write_at(0, as_bytes("ab")));
    EXPECT_TRUE(file->write_at(2, as_bytes("cd")));
    file.reset();
    disk_.power_lost();
    seen.insert(content(path));
  }
  const std::string zeros("\0\0", 2);
  for (const std::string& expected : {std::string("(none)"), std::string(), std::string("a"), std::string("ab"),
                                      std::string("abc"), std::string("abcd"), zeros + "cd"}) {
    EXPECT_TRUE(seen.contains(expected)) << expected;
  }
  EXPECT_FALSE(seen.contains(zeros));
}

TEST_F(SimDiskTest, RenameIsAtomicAtPowerLoss) {
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(disk_.write_file_atomically("target", "old"));
    auto file = open("new", OpenMode::kTruncate);
    EXPECT_TRUE(file->write_at(0, as_bytes("new")));
    EXPECT_TRUE(file->sync());
    EXPECT_TRUE(disk_.sync_directory("/"));
    EXPECT_TRUE(disk_.rename("new", "target"));
    disk_.power_lost();
    const std::string found = content("target");
    EXPECT_TRUE(found == "old" || found == "new") << found;
    EXPECT_EQ(content("new"), found == "old" ? "new" : "(none)");
  }
}

TEST_F(SimDiskTest, FullDiskTakesAPrefixAndRoomComesBackWithRemoval) {
  write("big", std::string(20'000, 'b'));
  disk_.conditions().capacity = disk_.used() + 8192;
  auto file = open("a", OpenMode::kCreate);
  EXPECT_EQ(file->write_at(0, as_bytes(std::string(10'000, 'a'))).error().code, Errc::kNoSpace);
  EXPECT_LE(*file->size(), 8192u);
  EXPECT_EQ(disk_.space("/")->available, 8192u - (*file->size() + 4095) / 4096 * 4096);
  // Overwriting takes no room.
  EXPECT_TRUE(open("big", OpenMode::kReadWrite)->write_at(0, as_bytes("over")));
  EXPECT_TRUE(disk_.remove("big"));
  EXPECT_TRUE(file->write_at(0, as_bytes(std::string(10'000, 'a'))));
}

TEST_F(SimDiskTest, ErrorsComeAsOftenAndWhereTheyAreAskedFor) {
  EXPECT_TRUE(disk_.create_directories("bad"));
  write("bad/a", "hello");
  disk_.conditions().failing_below = "bad";
  disk_.conditions().read_error_percent = 100;
  EXPECT_EQ(content("bad/a"), "(none)");
  disk_.conditions().sync_error_percent = 100;
  EXPECT_EQ(open("bad/a", OpenMode::kReadWrite)->sync().error().code, Errc::kIo);
  disk_.conditions().write_error_percent = 100;
  EXPECT_EQ(open("bad/a", OpenMode::kReadWrite)->write_at(0, as_bytes("x")).error().code, Errc::kIo);
  EXPECT_TRUE(disk_.write_file_atomically("fine", "x"));
}

TEST_F(SimDiskTest, ProcessThatDiesAtAnOperationTearsThatWriteAndDoesNothingMore) {
  auto file = open("a", OpenMode::kCreate);
  bool died = false;
  disk_.die_at_operation(2, [&] { died = true; });
  EXPECT_TRUE(file->write_at(0, as_bytes("one")));
  EXPECT_FALSE(died);
  EXPECT_FALSE(file->write_at(3, as_bytes("two")));
  EXPECT_TRUE(died);
  EXPECT_FALSE(file->write_at(0, as_bytes("xxx")));
  EXPECT_FALSE(disk_.open("b", OpenMode::kCreate));
  disk_.process_ended();
  EXPECT_FALSE(file->write_at(0, as_bytes("xxx")));
  EXPECT_TRUE(std::string("onetwo").starts_with(content("a")));
  EXPECT_GE(content("a").size(), 3u);
}

TEST_F(SimDiskTest, SyncTakesTimeOfWhoeverWaitsForIt) {
  auto file = open("a", OpenMode::kCreate);
  disk_.conditions().sync_time_min = disk_.conditions().sync_time_max = milliseconds(7);
  EXPECT_TRUE(file->sync());
  EXPECT_GE(simulation_.spent(), milliseconds(7));
}

TEST_F(SimDiskTest, WhatLeftThePageCacheIsMissedUntilItIsBroughtIn) {
  auto file = open("a", OpenMode::kCreateNew);
  EXPECT_TRUE(file->write_at(0, as_bytes(std::string(20'000, 'a'))));
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->cached_length(0, 20'000), 20'000u);
  EXPECT_TRUE(disk_.sync_directory("/"));
  disk_.power_lost();
  file = open("a", OpenMode::kReadWrite);
  std::array<uint8_t, 100> bytes;
  EXPECT_EQ(file->read_now(5'000, bytes).error().code, Errc::kWouldBlock);
  EXPECT_TRUE(file->bring_in(5'000, 100));
  EXPECT_EQ(*file->read_now(5'000, bytes), 100u);
  EXPECT_EQ(file->cached_length(0, 20'000), 0u);
  EXPECT_EQ(file->cached_length(4'096, 20'000), 4'096u);
  EXPECT_EQ(*file->read_now(20'000, bytes), 0u);
}

TEST_F(SimDiskTest, ALoopThatWaitsForTheDeviceBreaksAnInvariant) {
  SimLoop loop(simulation_, simulation_.new_owner(), ShardId(0), clock_);
  write("a", "hello");
  loop.run_inside([&] { EXPECT_EQ(content("a"), "hello"); });
  EXPECT_FALSE(simulation_.failed());
  EXPECT_TRUE(open("a", OpenMode::kReadWrite)->sync());
  EXPECT_TRUE(disk_.sync_directory("/"));
  disk_.power_lost();
  loop.run_inside([&] { EXPECT_EQ(content("a"), "hello"); });
  EXPECT_TRUE(simulation_.failure().starts_with("LoopNeverWaitsForADisk")) << simulation_.failure();
}

}  // namespace
}  // namespace weir::sim
