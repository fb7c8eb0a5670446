#include "base/real/posix_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace weir {
namespace {

class PosixDiskTest : public ::testing::Test {
 protected:
  PosixDiskTest() {
    std::string pattern = ::testing::TempDir() + "posix_disk_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PosixDiskTest() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(std::string_view name) const { return folder_ + "/" + std::string(name); }
  std::shared_ptr<File> open(std::string_view name, OpenMode mode) {
    auto file = disk_.open(path(name), mode);
    EXPECT_TRUE(file.has_value());
    return *file;
  }

  std::string folder_;
  PosixDisk disk_;
};

// Not every file system can; then nothing happens.
TEST_F(PosixDiskTest, ReservedRoomIsNoPartOfTheFileAndIsGivenBack) {
  const auto blocks = [&] {
    struct stat info;
    EXPECT_EQ(::stat(path("a").c_str(), &info), 0);
    return info.st_blocks;
  };
  const auto file = open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->write_at(0, as_bytes("hello")));
  const auto written = blocks();
  file->reserve(1 << 20);
  EXPECT_EQ(*file->size(), 5u);
  EXPECT_GE(blocks(), written);
  ASSERT_TRUE(file->truncate(5));
  EXPECT_LE(blocks(), std::max<blkcnt_t>(written, 8));
}

TEST_F(PosixDiskTest, OpenModesCreateKeepOrRefuse) {
  EXPECT_EQ(disk_.open(path("a"), OpenMode::kRead).error().code, Errc::kNotFound);
  EXPECT_EQ(disk_.open(path("a"), OpenMode::kReadWrite).error().code, Errc::kNotFound);
  EXPECT_EQ(disk_.open(path("no/a"), OpenMode::kCreate).error().code, Errc::kNotFound);
  EXPECT_TRUE(open("a", OpenMode::kCreateNew)->write_at(0, as_bytes("hello")));
  EXPECT_EQ(disk_.open(path("a"), OpenMode::kCreateNew).error().code, Errc::kAlreadyExists);
  EXPECT_EQ(*open("a", OpenMode::kCreate)->size(), 5u);
  EXPECT_EQ(*open("a", OpenMode::kReadWrite)->size(), 5u);
  EXPECT_EQ(*open("a", OpenMode::kTruncate)->size(), 0u);
}

TEST_F(PosixDiskTest, ErrorsNameThePath) {
  EXPECT_NE(disk_.open(path("missing"), OpenMode::kRead).error().message.find(path("missing")), std::string::npos);
  EXPECT_NE(disk_.remove(path("missing")).error().message.find(path("missing")), std::string::npos);
}

TEST_F(PosixDiskTest, WritesManyPartsOneBehindTheOther) {
  // More than one pwritev takes, with empty ones in between.
  std::vector<std::string> texts;
  std::string whole;
  for (int i = 0; i < 300; ++i) {
    texts.push_back(i % 7 == 0 ? "" : std::string(static_cast<size_t>(i), static_cast<char>('a' + i % 26)));
    whole += texts.back();
  }
  std::vector<ByteView> parts;
  for (const std::string& text : texts) parts.push_back(as_bytes(text));
  auto file = open("a", OpenMode::kCreate);
  EXPECT_TRUE(file->write_at(10, parts));
  std::string back(whole.size() + 5, '\0');
  EXPECT_EQ(*file->read_at(10, {reinterpret_cast<uint8_t*>(back.data()), back.size()}), whole.size());
  back.resize(whole.size());
  EXPECT_EQ(back, whole);
  EXPECT_EQ(*file->size(), whole.size() + 10);
  EXPECT_TRUE(file->write_at(0, std::span<const ByteView>()));
}

TEST_F(PosixDiskTest, ReadsFewerBytesOnlyAtTheEnd) {
  auto file = open("a", OpenMode::kCreate);
  EXPECT_TRUE(file->write_at(0, as_bytes("hello")));
  std::array<uint8_t, 10> bytes;
  EXPECT_EQ(*file->read_at(2, bytes), 3u);
  EXPECT_EQ(*file->read_at(5, bytes), 0u);
  EXPECT_EQ(*file->read_at(500, bytes), 0u);
  EXPECT_TRUE(file->truncate(1));
  EXPECT_EQ(*file->read_at(0, bytes), 1u);
  EXPECT_TRUE(file->sync());
}

TEST_F(PosixDiskTest, ListsTellsAndRemoves) {
  EXPECT_TRUE(disk_.create_directories(path("d/e")));
  EXPECT_TRUE(disk_.create_directories(path("d/e")));
  EXPECT_TRUE(open("d/a", OpenMode::kCreate)->write_at(0, as_bytes("12345")));
  EXPECT_TRUE(disk_.set_modified(path("d/a"), Timestamp(1'700'000'000'123)));
  const FileInfo info = *disk_.stat(path("d/a"));
  EXPECT_EQ(info.name, "a");
  EXPECT_FALSE(info.is_directory);
  EXPECT_EQ(info.size, 5u);
  EXPECT_EQ(info.modified, Timestamp(1'700'000'000'123));
  auto names = *disk_.list(path("d"));
  std::ranges::sort(names, {}, &FileInfo::name);
  ASSERT_EQ(names.size(), 2u);
  EXPECT_EQ(names[0].name, "a");
  EXPECT_TRUE(names[1].is_directory);
  EXPECT_EQ(disk_.list(path("none")).error().code, Errc::kNotFound);
  EXPECT_FALSE(disk_.remove(path("d")));
  EXPECT_TRUE(disk_.rename(path("d/a"), path("d/e/b")));
  EXPECT_EQ(disk_.rename(path("d/a"), path("d/b")).error().code, Errc::kNotFound);
  EXPECT_TRUE(disk_.sync_directory(path("d/e")));
  EXPECT_EQ(disk_.sync_directory(path("none")).error().code, Errc::kNotFound);
  EXPECT_TRUE(disk_.remove_recursively(path("d")));
  EXPECT_TRUE(disk_.remove_recursively(path("d")));
  EXPECT_EQ(disk_.stat(path("d")).error().code, Errc::kNotFound);
}

TEST_F(PosixDiskTest, AtomicWriteReplacesTheWholeFile) {
  EXPECT_TRUE(disk_.write_file_atomically(path("checkpoint"), "a long first content"));
  EXPECT_TRUE(disk_.write_file_atomically(path("checkpoint"), "short"));
  EXPECT_EQ(*disk_.read_file(path("checkpoint")), "short");
  EXPECT_EQ(disk_.stat(path("checkpoint.tmp")).error().code, Errc::kNotFound);
}

TEST_F(PosixDiskTest, LockKeepsASecondHolderOutUntilItIsReleased) {
  auto first = disk_.lock(folder_);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(disk_.lock(folder_).error().code, Errc::kBusy);
  first->reset();
  EXPECT_TRUE(disk_.lock(folder_).has_value());
}

TEST_F(PosixDiskTest, ReadOnlyFileCanBeRead) {
  EXPECT_TRUE(open("a", OpenMode::kCreate)->write_at(0, as_bytes("x")));
  EXPECT_TRUE(disk_.make_read_only(path("a")));
  EXPECT_EQ(*disk_.read_file(path("a")), "x");
}

TEST_F(PosixDiskTest, SpaceTellsOfTheFileSystem) {
  const auto space = disk_.space(folder_);
  ASSERT_TRUE(space.has_value());
  EXPECT_GT(space->total, 0u);
  EXPECT_LE(space->available, space->total);
}

TEST_F(PosixDiskTest, FullDeviceIsReportedAsNoSpace) {
  auto full = disk_.open("/dev/full", OpenMode::kReadWrite);
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ((*full)->write_at(0, as_bytes("x")).error().code, Errc::kNoSpace);
}

// Where the file system keeps files in memory nothing is evicted, and there is nothing to see.
TEST_F(PosixDiskTest, ReadsThatWouldWaitForTheDeviceSaySoUntilTheRangeIsBroughtIn) {
  constexpr size_t kSize = size_t{2} << 20;
  const auto file = open("a", OpenMode::kCreateNew);
  ASSERT_TRUE(file->write_at(0, ByteVector(kSize, 'x')));
  ByteVector bytes(5000);
  EXPECT_EQ(*file->read_now(kSize - 1000, bytes), 1000u);
  EXPECT_EQ(file->cached_length(100, kSize - 100), kSize - 100);
  ASSERT_TRUE(file->sync());
  ASSERT_EQ(::posix_fadvise(file->descriptor(), 0, 0, POSIX_FADV_DONTNEED), 0);
  // Also starts to read ahead of it, by less than is between the two.
  const Result<size_t> late = file->read_now(kSize / 2, bytes);
  if (late) GTEST_SKIP() << "nothing is evicted here";
  EXPECT_EQ(late.error().code, Errc::kWouldBlock);
  ASSERT_TRUE(file->bring_in(0, kSize / 4));
  const uint64_t cached = file->cached_length(0, kSize);
  EXPECT_GE(cached, kSize / 4);
  EXPECT_LT(cached, kSize);
  ASSERT_TRUE(file->bring_in(cached, kSize));
  EXPECT_EQ(file->cached_length(0, kSize), kSize);
  EXPECT_EQ(*file->read_now(kSize / 2, bytes), bytes.size());
}

}  // namespace
}  // namespace weir
