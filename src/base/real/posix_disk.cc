#include "base/real/posix_disk.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace weir {
namespace {

// writev takes at most IOV_MAX (1024) parts.
constexpr size_t kPartsPerWrite = 64;

// cachestat(2), of Linux 6.5: newer than the C library of Debian 12.
constexpr long kCachestat = 451;
struct CachestatRange {
  uint64_t position;
  uint64_t length;
};
struct Cachestat {
  uint64_t cached;
  uint64_t dirty;
  uint64_t written_back;
  uint64_t evicted;
  uint64_t recently_evicted;
};
const auto kPageSize = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));

// What a read ahead brings in at once: where cachestat is not there, one page of it stands for the others.
constexpr uint64_t kSampleSize = 128 * 1024;

Errc code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return Errc::kNotFound;
    case EEXIST:
      return Errc::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Errc::kNoSpace;
    case EWOULDBLOCK:
      return Errc::kBusy;
    default:
      return Errc::kIo;
  }
}

std::unexpected<Error> failed(std::string_view action, const std::string& path, int error_number = errno) {
  return fail(code_of(error_number), fmt::format("cannot {} {}: {}", action, path, std::strerror(error_number)));
}

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override { ::close(descriptor_); }

  Result<size_t> read_at(uint64_t position, MutableBytes into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got =
          ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(position + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failed("read", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<size_t> read_now(uint64_t position, MutableBytes into) override {
    size_t done = 0;
    while (done < into.size()) {
      const iovec rest{.iov_base = into.data() + done, .iov_len = into.size() - done};
      const ssize_t got = ::preadv2(descriptor_, &rest, 1, static_cast<off_t>(position + done), RWF_NOWAIT);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return std::unexpected(Error{Errc::kWouldBlock, {}});
      // A file system that has no such reads.
      if (got < 0 && errno == EOPNOTSUPP) return read_at(position, into);
      if (got < 0) return failed("read", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  uint64_t cached_length(uint64_t position, uint64_t length) override {
    if (length == 0 || is_cached(position, length)) return length;
    // In few steps: it is going to wait for a disk anyway.
    const uint64_t step = std::max(kSampleSize, length / 16);
    uint64_t cached = 0;
    while (cached < length && is_cached(position + cached, std::min(step, length - cached))) cached += step;
    return std::min(cached, length);
  }

  Result<> write_at(uint64_t position, std::span<const ByteView> parts) override {
    std::array<iovec, kPartsPerWrite> vectors;
    size_t next = 0;  // the first part that is not written whole
    size_t skip = 0;  // bytes of it that are
    while (next < parts.size()) {
      size_t count = 0;
      for (size_t i = next; i < parts.size() && count < vectors.size(); ++i, ++count) {
        const ByteView part = i == next ? parts[i].subspan(skip) : parts[i];
        vectors[count] = {.iov_base = const_cast<uint8_t*>(part.data()), .iov_len = part.size()};
      }
      const ssize_t written =
          ::pwritev(descriptor_, vectors.data(), static_cast<int>(count), static_cast<off_t>(position));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed("write", path_);
      position += static_cast<uint64_t>(written);
      skip += static_cast<size_t>(written);
      while (next < parts.size() && skip >= parts[next].size()) skip -= parts[next++].size();
    }
    return {};
  }

  Result<> truncate(uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return failed("truncate", path_);
    return {};
  }

  Result<uint64_t> size() override {
    struct stat info;
    if (::fstat(descriptor_, &info) != 0) return failed("stat", path_);
    return static_cast<uint64_t>(info.st_size);
  }

  Result<> sync() override {
    if (::fdatasync(descriptor_) != 0) return failed("sync", path_);
    return {};
  }

  void will_need(uint64_t position, uint64_t length) override {
    ::posix_fadvise(descriptor_, static_cast<off_t>(position), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
  }

  void reserve(uint64_t size) override {
    // Not posix_fallocate: it writes zeros where the file system has no way to reserve.
    static_cast<void>(::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)));
  }

  [[nodiscard]] int descriptor() const override { return descriptor_; }

 private:
  // Whether the byte can be read without waiting. cachestat also counts pages that a read ahead is still filling; they
  // are filled in their order, so that the last one tells of those before it.
  [[nodiscard]] bool is_read(uint64_t position) const {
    uint8_t byte;
    const iovec into{.iov_base = &byte, .iov_len = 1};
    return ::preadv2(descriptor_, &into, 1, static_cast<off_t>(position), RWF_NOWAIT) >= 0 || errno != EAGAIN;
  }

  [[nodiscard]] bool is_cached(uint64_t position, uint64_t length) const {
    const uint64_t last = position + length - 1;
    if (!is_read(last)) return false;
    if (position / kPageSize == last / kPageSize) return true;
    const CachestatRange range{.position = position, .length = length};
    Cachestat found{};
    if (::syscall(kCachestat, descriptor_, &range, &found, 0U) == 0) {
      return found.cached == last / kPageSize - position / kPageSize + 1;
    }
    for (uint64_t at = position; at < last; at += kSampleSize) {
      if (!is_read(at)) return false;
    }
    return true;
  }

  int descriptor_;
  std::string path_;
};

class PosixDirectoryLock final : public DirectoryLock {
 public:
  explicit PosixDirectoryLock(int descriptor) : descriptor_(descriptor) {}
  PosixDirectoryLock(const PosixDirectoryLock&) = delete;
  PosixDirectoryLock& operator=(const PosixDirectoryLock&) = delete;
  ~PosixDirectoryLock() override { ::close(descriptor_); }

 private:
  int descriptor_;
};

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew:
      return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::kTruncate:
      return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

FileInfo info_of(std::string name, const struct stat& info) {
  return {.name = std::move(name),
          .is_directory = S_ISDIR(info.st_mode),
          .size = static_cast<uint64_t>(info.st_size),
          .modified = Timestamp(static_cast<int64_t>(info.st_mtim.tv_sec) * 1000 + info.st_mtim.tv_nsec / 1'000'000)};
}

}  // namespace

Result<std::shared_ptr<File>> PosixDisk::open(const std::string& path, OpenMode mode) {
  const int descriptor = ::open(path.c_str(), flags_of(mode) | O_CLOEXEC, 0644);
  if (descriptor < 0) return failed("open", path);
  return std::make_shared<PosixFile>(descriptor, path);
}

Result<FileInfo> PosixDisk::stat(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return failed("stat", path);
  return info_of(std::filesystem::path(path).filename().string(), info);
}

Result<std::vector<FileInfo>> PosixDisk::list(const std::string& directory) {
  std::vector<FileInfo> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat info;
    // An entry that vanished meanwhile is not there.
    if (::stat(entry->path().c_str(), &info) == 0) found.push_back(info_of(entry->path().filename().string(), info));
  }
  if (error) return failed("list", directory, error.value());
  return found;
}

Result<> PosixDisk::create_directories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return failed("create", path, error.value());
  return {};
}

Result<> PosixDisk::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from);
  return {};
}

Result<> PosixDisk::remove(const std::string& path) {
  if (::remove(path.c_str()) != 0) return failed("remove", path);
  return {};
}

Result<> PosixDisk::remove_recursively(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return failed("remove", path, error.value());
  return {};
}

Result<> PosixDisk::sync_directory(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return failed("open", path);
  const int result = ::fsync(descriptor);
  const int error_number = errno;
  ::close(descriptor);
  if (result != 0) return failed("sync", path, error_number);
  return {};
}

Result<> PosixDisk::make_read_only(const std::string& path) {
  if (::chmod(path.c_str(), 0400) != 0) return failed("change the mode of", path);
  return {};
}

Result<> PosixDisk::set_modified(const std::string& path, Timestamp modified) {
  const timespec time{.tv_sec = modified.value() / 1000, .tv_nsec = (modified.value() % 1000) * 1'000'000};
  const std::array<timespec, 2> times{time, time};
  if (::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) != 0) return failed("change the time of", path);
  return {};
}

Result<std::unique_ptr<DirectoryLock>> PosixDisk::lock(const std::string& path) {
  const std::string lock_path = path + "/.lock";
  const int descriptor = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return failed("open", lock_path);
  // Java's FileLock is a POSIX record lock, so Kafka and weir keep each other out only if weir takes one too.
  struct flock request{};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_OFD_SETLK, &request) != 0) {
    const int error_number = errno;
    ::close(descriptor);
    if (error_number == EAGAIN || error_number == EACCES) {
      return fail(Errc::kBusy, fmt::format("{} is locked: another process uses this directory", path));
    }
    return failed("lock", lock_path, error_number);
  }
  return std::make_unique<PosixDirectoryLock>(descriptor);
}

std::string PosixDisk::absolute_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  return error ? path : absolute.string();
}

Result<Disk::Space> PosixDisk::space(const std::string& path) {
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0) return failed("stat the file system of", path);
  return Space{.available = info.f_bavail * info.f_frsize, .total = info.f_blocks * info.f_frsize};
}

}  // namespace weir
