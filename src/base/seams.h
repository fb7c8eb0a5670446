// The seams: everything that weir asks of the machine. The real ones are in real/, the simulator's in tests/sim. No
// other code of weir touches a clock, a random device, a file, a socket or a thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/loop.h"
#include "base/result.h"
#include "base/sync.h"
#include "base/task.h"
#include "base/time.h"
#include "base/types.h"

namespace weir {

// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual MonotonicTime monotonic() const = 0;
  // May jump, in either direction.
  [[nodiscard]] virtual Timestamp wall() const = 0;
};

// Any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t next() = 0;
  // Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound);
};

// ---------------------------------------------------------------------------------------------------------------- disk

// An open file. Calls block, so those that may wait for the device (sync, read_at, bring_in) belong on a disk thread.
// Any thread, also several at once; the caller keeps writers of one range apart.
class File {
 public:
  virtual ~File() = default;
  // Fills `into` from `position`; fewer bytes only at the end of the file. kIo.
  virtual Result<size_t> read_at(uint64_t position, MutableBytes into) = 0;
  // As read_at, for a loop: kWouldBlock when a part of it would have to come from the device. bring_in() it on a disk
  // thread and try again. Where the file system cannot tell, it reads.
  virtual Result<size_t> read_now(uint64_t position, MutableBytes into) { return read_at(position, into); }
  // How many of `length` bytes from `position` on lie in the page cache, one behind the other: sending those waits for
  // no device. They may be evicted before they are sent. Where the file system cannot tell, all.
  virtual uint64_t cached_length(uint64_t position, uint64_t length) {
    static_cast<void>(position);
    return length;
  }
  // Reads the range into the page cache, as far as the file goes. Disk thread; blocks. kIo.
  Result<> bring_in(uint64_t position, uint64_t length);
  // Writes all parts one behind the other. On kNoSpace or kIo any prefix may have been written: truncate before going
  // on.
  virtual Result<> write_at(uint64_t position, std::span<const ByteView> parts) = 0;
  Result<> write_at(uint64_t position, ByteView bytes) { return write_at(position, std::span(&bytes, 1)); }
  virtual Result<> truncate(uint64_t size) = 0;
  [[nodiscard]] virtual Result<uint64_t> size() = 0;
  // Makes data and size durable. After an error nothing that was not synced before can be trusted. kIo.
  virtual Result<> sync() = 0;
  // Asks for the range to be read into the page cache. Best effort.
  virtual void will_need(uint64_t position, uint64_t length) = 0;
  // Asks for room for `size` bytes from the start of the file, whose size stays. What is not used is given back by
  // truncate(). Best effort.
  virtual void reserve(uint64_t size) { static_cast<void>(size); }
  // For sendfile; -1 where there is no kernel behind this file.
  [[nodiscard]] virtual int descriptor() const { return -1; }
};

struct FileInfo {
  std::string name;
  bool is_directory;
  uint64_t size;  // bytes
  Timestamp modified;
};

enum class OpenMode : uint8_t {
  kRead,       // kNotFound when absent
  kReadWrite,  // kNotFound when absent
  kCreate,     // read-write; made when absent
  kCreateNew,  // read-write; kAlreadyExists when present
  kTruncate,   // read-write; made or emptied
};

// A lock that a process holds on a directory until it is destroyed.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

// Names in a file system. Changes of names are durable after sync_directory of the parent. Any thread. Errors: kIo,
// kNoSpace, kNotFound, kAlreadyExists, each with the path in the message.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<FileInfo> stat(const std::string& path) = 0;
  // In no order.
  virtual Result<std::vector<FileInfo>> list(const std::string& directory) = 0;
  virtual Result<> create_directories(const std::string& path) = 0;
  // Replaces the target, atomically.
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  // A file or an empty directory.
  virtual Result<> remove(const std::string& path) = 0;
  virtual Result<> remove_recursively(const std::string& path) = 0;
  virtual Result<> sync_directory(const std::string& path) = 0;
  // Takes all permissions to write away (KRaft snapshots are frozen).
  virtual Result<> make_read_only(const std::string& path) = 0;
  virtual Result<> set_modified(const std::string& path, Timestamp modified) = 0;
  // kBusy when another process holds it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) = 0;
  // Bytes that can still be written to the file system of `path`, and its size.
  struct Space {
    uint64_t available;
    uint64_t total;
  };
  virtual Result<Space> space(const std::string& path) = 0;

  // `path` from the root on.
  [[nodiscard]] virtual std::string absolute_path(const std::string& path) { return path; }

  // Whole small files (checkpoints, properties).
  Result<std::string> read_file(const std::string& path);
  // Writes PATH.tmp, syncs it, renames it over PATH, syncs the directory: after a crash the old or the new content is
  // there, whole.
  Result<> write_file_atomically(const std::string& path, std::string_view content);
};

// What work on a disk thread is. Cold reads never take all threads: what is written must not wait behind readers of old
// data, whose number nothing bounds and whose device may be a slow one.
enum class DiskWork : uint8_t { kOther, kColdRead };

// Threads for work that may wait for a disk. Work is done in any order, several at once.
class DiskThreads {
 public:
  virtual ~DiskThreads() = default;
  virtual void submit(Work work, DiskWork kind) = 0;

  // co_await threads.run([..] { return ...; }): runs `function` on a disk thread and yields its result here.
  template <class Function, class R = std::invoke_result_t<Function>>
  Task<R> run(Function function, DiskWork kind = DiskWork::kOther) {
    Loop& home = Loop::current();
    auto meeting = std::make_shared<internal::Rendezvous<internal::Stored<R>>>();
    auto work = [&home, meeting, function = std::move(function)]() mutable {
      if constexpr (std::is_void_v<R>) {
        function();
        internal::complete<R>(home, std::move(meeting), internal::Unit{});
      } else {
        internal::complete<R>(home, std::move(meeting), function());
      }
    };
    submit(std::move(work), kind);
    return internal::await_rendezvous<R>(std::move(meeting));
  }
};

// ------------------------------------------------------------------------------------------------------------- network

// Where to listen or connect: a name or an address, and a port (0: any free one).
struct Endpoint {
  std::string host;
  uint16_t port = 0;
  [[nodiscard]] std::string to_string() const { return host + ":" + std::to_string(port); }
  // The 4 or 16 bytes of an IP address; empty for a name.
  [[nodiscard]] std::string address_bytes() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Bytes of a file that go out without passing through this process where the kernel can (sendfile).
struct FileRegion {
  std::shared_ptr<File> file;
  uint64_t position;
  uint64_t length;
};

using OutSegment = std::variant<SharedBytes, FileRegion>;

// A connected byte stream. Owned by one loop; loop thread only.
class Connection {
 public:
  virtual ~Connection() = default;
  // Reads what is there, at least one byte; 0 at the end of the stream. kWouldBlock, kClosed, kIo.
  virtual Result<size_t> read_now(MutableBytes into) = 0;
  // co_await yields true when read_now is worth a try (it may still be kWouldBlock), false when the deadline passed.
  virtual Wait readable(MonotonicTime deadline) = 0;
  // Writes the bytes from `skip` on of the segments, one behind the other, as far as they go now; returns how many.
  // kWouldBlock, kClosed.
  virtual Result<size_t> write_now(std::span<const OutSegment> segments, size_t skip) = 0;
  virtual Wait writable(MonotonicTime deadline) = 0;
  // Ends the stream both ways; waiters are notified. Idempotent.
  virtual void close() = 0;
  [[nodiscard]] virtual const Endpoint& peer() const = 0;
  [[nodiscard]] virtual const Endpoint& local() const = 0;

  // Writes all of it; kTimedOut when the peer takes no byte before `stall` has passed since the last one.
  Task<Result<>> write_all(std::span<const OutSegment> segments, Duration stall);
  Task<Result<>> write_all(ByteView bytes, Duration stall);
  // Fills `into`; kClosed at the end of the stream, kTimedOut.
  Task<Result<>> read_exactly(MutableBytes into, MonotonicTime deadline);
};

// A connection that no loop owns yet: may be moved to the loop that shall own it.
class Accepted {
 public:
  virtual ~Accepted() = default;
  // On the loop that will own the connection.
  virtual std::unique_ptr<Connection> attach(Loop& loop) = 0;
  [[nodiscard]] virtual const Endpoint& peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // Waits for the next connection. kClosed after close(); other errors (no descriptors left, ...) are passing ones:
  // wait and go on.
  virtual Task<Result<std::unique_ptr<Accepted>>> accept() = 0;
  virtual void close() = 0;
  // With the port that was chosen.
  [[nodiscard]] virtual const Endpoint& local() const = 0;
};

// Loop thread only: listeners and connections belong to the loop they are made for, which must be the current one.
class Network {
 public:
  virtual ~Network() = default;
  // kBusy when the port is taken, kInvalidArgument for an address that is not of this machine.
  virtual Result<std::unique_ptr<Listener>> listen(Loop& loop, const Endpoint& endpoint) = 0;
  // kTimedOut, kClosed (refused), kNotFound (unknown name).
  virtual Task<Result<std::unique_ptr<Connection>>> connect(Loop& loop, Endpoint endpoint, MonotonicTime deadline) = 0;
};

// What a component is handed.
struct Seams {
  Clock& clock;
  Random& random;
  Disk& disk;
  DiskThreads& disk_threads;
  Network& network;
};

}  // namespace weir
