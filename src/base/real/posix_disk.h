// The kernel's file system. Any thread.
#pragma once

#include "base/seams.h"

namespace weir {

class PosixDisk : public Disk {
 public:
  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<FileInfo> stat(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& directory) override;
  Result<> create_directories(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> remove_recursively(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<> make_read_only(const std::string& path) override;
  Result<> set_modified(const std::string& path, Timestamp modified) override;
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override;
  Result<Space> space(const std::string& path) override;
  [[nodiscard]] std::string absolute_path(const std::string& path) override;
};

}  // namespace weir
