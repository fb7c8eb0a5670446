// ShortDisk: a disk that is full in the middle of a write, as real ones are: the first part of it is in the file.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/seams.h"

namespace weir::storage {

class ShortDisk final : public Disk {
 public:
  explicit ShortDisk(Disk& disk) : disk_(disk) {}

  // Bytes that can still be written, into any file.
  uint64_t room = UINT64_MAX;
  bool truncate_fails = false;
  bool sync_fails = false;  // for want of room

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override {
    TRY_ASSIGN(std::shared_ptr<File> file, disk_.open(path, mode));
    return std::make_shared<ShortFile>(*this, std::move(file));
  }
  Result<FileInfo> stat(const std::string& path) override { return disk_.stat(path); }
  Result<std::vector<FileInfo>> list(const std::string& directory) override { return disk_.list(directory); }
  Result<> create_directories(const std::string& path) override { return disk_.create_directories(path); }
  Result<> rename(const std::string& from, const std::string& to) override { return disk_.rename(from, to); }
  Result<> remove(const std::string& path) override { return disk_.remove(path); }
  Result<> remove_recursively(const std::string& path) override { return disk_.remove_recursively(path); }
  Result<> sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
  Result<> make_read_only(const std::string& path) override { return disk_.make_read_only(path); }
  Result<> set_modified(const std::string& path, Timestamp at) override { return disk_.set_modified(path, at); }
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override { return disk_.lock(path); }
  Result<Space> space(const std::string& path) override { return disk_.space(path); }

 private:
  class ShortFile final : public File {
   public:
    ShortFile(ShortDisk& disk, std::shared_ptr<File> file) : disk_(disk), file_(std::move(file)) {}
    Result<size_t> read_at(uint64_t position, MutableBytes into) override { return file_->read_at(position, into); }
    Result<> write_at(uint64_t position, std::span<const ByteView> parts) override {
      for (ByteView part : parts) {
        const ByteView fits = part.first(std::min<uint64_t>(part.size(), disk_.room));
        TRY(file_->write_at(position, std::span(&fits, 1)));
        disk_.room -= fits.size();
        position += fits.size();
        if (fits.size() < part.size()) return fail(Errc::kNoSpace, "the disk is full");
      }
      return {};
    }
    Result<> truncate(uint64_t size) override {
      if (disk_.truncate_fails) return fail(Errc::kIo, "truncation fails");
      return file_->truncate(size);
    }
    Result<uint64_t> size() override { return file_->size(); }
    Result<> sync() override {
      if (disk_.sync_fails) return fail(Errc::kNoSpace, "the disk is full");
      return file_->sync();
    }
    void will_need(uint64_t position, uint64_t length) override { file_->will_need(position, length); }

   private:
    ShortDisk& disk_;
    std::shared_ptr<File> file_;
  };

  Disk& disk_;
};

}  // namespace weir::storage
