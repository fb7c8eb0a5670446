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

// What the segments of one log need to get at their files. While no pool is attached (the log is being opened or closed
// on a disk thread) files stay open until they are closed explicitly.
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

 private:
  Disk& disk_;
  std::string directory_;
  FilePool* pool_ = nullptr;
};

}  // namespace weir::storage
