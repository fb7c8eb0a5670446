#include "base/real/machine.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace weir {
namespace {

FileSystem::Medium medium_of(uint32_t type) {
  constexpr uint32_t kSmb = 0xff534d42;
  constexpr uint32_t kSmb2 = 0xfe534d42;
  switch (type) {
    case TMPFS_MAGIC:
      return FileSystem::Medium::kMemory;
    case NFS_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
    case kSmb:
    case kSmb2:
      return FileSystem::Medium::kNetwork;
    default:
      return FileSystem::Medium::kDisk;
  }
}

}  // namespace

std::optional<FileSystem> file_system_of(const std::string& path) {
  struct statfs system;
  struct stat info;
  if (::statfs(path.c_str(), &system) != 0 || ::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileSystem{.medium = medium_of(static_cast<uint32_t>(system.f_type)),
                    .device = info.st_dev,
                    .files_total = system.f_files,
                    .files_free = system.f_ffree};
}

bool may_write(const std::string& directory) { return ::access(directory.c_str(), W_OK | X_OK) == 0; }

std::optional<bool> is_locked(const std::string& directory) {
  const int descriptor = ::open((directory + "/.lock").c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT ? std::optional(false) : std::nullopt;
  struct flock request{};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  const bool locked = ::fcntl(descriptor, F_OFD_GETLK, &request) == 0 && request.l_type != F_UNLCK;
  ::close(descriptor);
  return locked;
}

uint64_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : 0;
}

bool has_swap() {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  int lines = 0;
  while (std::getline(swaps, line)) ++lines;
  return lines > 1;  // behind the heading
}

}  // namespace weir
