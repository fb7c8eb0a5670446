// FilePool: a bound on the descriptors that the logs of one shard hold. A file is opened at its first use and closed
// when it is the least recently used one above the bound; who reads from it meanwhile keeps it open by its shared_ptr.
// Loop thread only, as the logs.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "base/seams.h"

namespace weir::storage {

class FilePool;

// A file's place in the pool; costs no descriptor until it is used.
class PooledFile : public ListNode {
 public:
  PooledFile() = default;
  ~PooledFile() { close(); }

  [[nodiscard]] bool is_open() const { return file_ != nullptr; }
  void close();

 private:
  friend class FilePool;
  friend class LogFiles;
  std::shared_ptr<File> file_;
  FilePool* pool_ = nullptr;
};

class FilePool {
 public:
  // At most `open_max` files are kept open.
  explicit FilePool(size_t open_max) : open_max_(open_max) { CHECK(open_max > 0); }

  void touch(PooledFile& file);
  void insert(PooledFile& file);
  [[nodiscard]] size_t open_count() const { return open_count_; }

 private:
  friend class PooledFile;
  size_t open_max_;
  size_t open_count_ = 0;
  IntrusiveList<PooledFile> files_;  // least recently used first
};

// How a log reads one of its files. On a disk thread it waits for the device. On a loop it does not: a read that would
// have to ends in kWouldBlock and leaves behind what it missed.
class FileReader {
 public:
  // Waits. NOLINTNEXTLINE(google-explicit-constructor): whoever has a file may read it.
  FileReader(File& file) : file_(&file) {}
  FileReader(std::shared_ptr<File> file, FileRegion* missed)
      : file_(file.get()), owner_(std::move(file)), missed_(missed) {}

  Result<size_t> read_at(uint64_t position, MutableBytes into) const;
  [[nodiscard]] Result<uint64_t> size() const { return file_->size(); }

 private:
  File* file_;
  std::shared_ptr<File> owner_;
  FileRegion* missed_ = nullptr;  // nullptr: waits
};

// What the segments of one log need to get at their files. While no pool is attached (the log is being opened or closed
// on a disk thread) files stay open until they are closed explicitly, and reads wait for the device.
class LogFiles {
 public:
  LogFiles(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}

  [[nodiscard]] Disk& disk() const { return disk_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  void set_directory(std::string directory) { directory_ = std::move(directory); }
  void attach(FilePool* pool) { pool_ = pool; }
  [[nodiscard]] bool attached() const { return pool_ != nullptr; }

  // The open file; `path()` names it when it must be opened. Errors of Disk::open.
  template <class Path>
  Result<std::shared_ptr<File>> get(PooledFile& file, OpenMode mode, Path path) {
    if (file.file_ == nullptr) {
      TRY_ASSIGN(file.file_, disk_.open(path(), mode));
      if (pool_ != nullptr) pool_->insert(file);
    } else if (pool_ != nullptr) {
      pool_->touch(file);
    }
    return file.file_;
  }

  [[nodiscard]] FileReader reader(const std::shared_ptr<File>& file) {
    return pool_ == nullptr || waits_ ? FileReader(*file) : FileReader(file, &missed_);
  }
  // What the last read that ended in kWouldBlock would have had to wait for.
  [[nodiscard]] const FileRegion& missed() const { return missed_; }

  // While it lives, reads wait for the device though a pool is attached.
  class Waiting {
   public:
    explicit Waiting(LogFiles& files) : files_(files) { files_.waits_ = true; }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { files_.waits_ = false; }

   private:
    LogFiles& files_;
  };

 private:
  Disk& disk_;
  std::string directory_;
  FilePool* pool_ = nullptr;
  FileRegion missed_{nullptr, 0, 0};
  bool waits_ = false;
};

}  // namespace weir::storage
