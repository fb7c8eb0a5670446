// Records that the kernel has evicted, on a disk that hangs: whoever wants them waits, and nobody else does.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "node/running_node.h"
#include "weir/consumer.h"
#include "weir/producer.h"

namespace weir {
namespace {

// Where reads of the device stand still while it is shut.
class Gate {
 public:
  void shut() { is_open_ = false; }
  void open() {
    is_open_ = true;
    is_open_.notify_all();
  }
  void pass() {
    if (is_open_) return;
    note_event();
    is_open_.wait(false);
  }
  // A read is held, or the reader has ended without one.
  void note_event() {
    ++events_;
    events_.notify_all();
  }
  void wait_for_event() { events_.wait(0); }

 private:
  std::atomic<bool> is_open_ = true;
  std::atomic<int> events_ = 0;
};

// The real disk, but for reads that may wait for the device: those of records stop at the gate. What the page cache
// has, and what is sent from it, is the kernel's business.
class HangingDisk final : public PosixDisk {
 public:
  explicit HangingDisk(Gate& gate) : gate_(gate) {}
  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override {
    TRY_ASSIGN(std::shared_ptr<File> file, PosixDisk::open(path, mode));
    if (!path.ends_with(".log") || !path.contains("/old-0/")) return file;
    return std::make_shared<HangingFile>(gate_, std::move(file));
  }

 private:
  class HangingFile final : public File {
   public:
    HangingFile(Gate& gate, std::shared_ptr<File> file) : gate_(gate), file_(std::move(file)) {}
    Result<size_t> read_at(uint64_t position, MutableBytes into) override {
      gate_.pass();
      return file_->read_at(position, into);
    }
    Result<size_t> read_now(uint64_t position, MutableBytes into) override { return file_->read_now(position, into); }
    uint64_t cached_length(uint64_t position, uint64_t length) override {
      return file_->cached_length(position, length);
    }
    Result<> write_at(uint64_t position, std::span<const ByteView> parts) override {
      return file_->write_at(position, parts);
    }
    Result<> truncate(uint64_t size) override { return file_->truncate(size); }
    Result<uint64_t> size() override { return file_->size(); }
    Result<> sync() override { return file_->sync(); }
    void will_need(uint64_t, uint64_t) override {}
    [[nodiscard]] int descriptor() const override { return file_->descriptor(); }

   private:
    Gate& gate_;
    std::shared_ptr<File> file_;
  };

  Gate& gate_;
};

// A client with a loop of its own.
class ClientThread {
 public:
  explicit ClientThread(Endpoint node) : node_(std::move(node)) {}
  ~ClientThread() {
    loops_.join();
    disk_threads_.finish();
    loops_.clear();
  }
  ClientThread(const ClientThread&) = delete;
  ClientThread& operator=(const ClientThread&) = delete;

  // Runs work(client), a task, and hands out what it yields.
  template <class Work, class R = typename internal::TaskResult<std::invoke_result_t<Work, client::Client>>::type>
  std::future<R> run(Work work) {
    auto done = std::make_shared<std::promise<R>>();
    Loop& loop = *loops_.loops().front();
    loop.post([this, &loop, done, work] {
      loop.spawn(report(client::Client(seams_, loop, {.bootstrap = {node_}}), work, done));
    });
    return done->get_future();
  }

 private:
  template <class Work, class R>
  static Task<void> report(client::Client client, Work work, std::shared_ptr<std::promise<R>> done) {
    done->set_value(co_await work(client));
  }

  Endpoint node_;
  SystemClock clock_;
  SystemRandom random_;
  PosixDisk disk_;
  SystemDiskThreads disk_threads_{1};
  PosixNetwork network_{disk_threads_};
  Seams seams_{clock_, random_, disk_, disk_threads_, network_};
  LoopThreads loops_{1, clock_};
};

constexpr int kRecords = 40;
constexpr size_t kRecordSize = 50'000;

Task<Result<Offset>> send(client::Client cluster, int count) {
  client::Producer producer(cluster, {});
  Offset last{-1};
  for (int i = 0; i < count; ++i) {
    CO_TRY_ASSIGN(const auto delivery,
                  co_await producer.send_and_wait({.topic = "old", .value = std::string(kRecordSize, 'x')}));
    last = delivery.offset;
  }
  co_return last;
}

// Polls from `from` on until the record before `end` was there; how many there were.
Task<Result<int>> read(client::Client cluster, Offset from, Offset end) {
  client::Consumer consumer(cluster, {.reset = client::OffsetReset::kFail});
  const client::TopicPartition old{"old", PartitionIndex(0)};
  consumer.assign({old});
  consumer.seek(old, from);
  int count = 0;
  while (consumer.position(old) < end) {
    CO_TRY_ASSIGN(const auto polled, co_await consumer.poll(seconds(1)));
    count += static_cast<int>(polled.records.size());
  }
  CO_TRY(co_await consumer.close());
  co_return count;
}

// False where the file system keeps its files in memory.
bool evict(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  CHECK(file >= 0);
  CHECK(::fdatasync(file) == 0 && ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0);
  uint8_t byte;
  const iovec into{.iov_base = &byte, .iov_len = 1};
  const bool gone = ::preadv2(file, &into, 1, 1'000'000, RWF_NOWAIT) < 0 && errno == EAGAIN;
  ::close(file);
  return gone;
}

TEST(ColdReads, ADiskThatHangsHoldsUpWhoReadsOldRecordsAndNobodyElse) {
  const std::string directory = RunningNode::make_directory();
  const std::string log = directory + "/data/old-0/00000000000000000000.log";
  Gate gate;
  HangingDisk disk(gate);
  {
    RunningNode node(directory, RunningNode::Directory::kStays);
    ClientThread writer(node.address());
    ASSERT_EQ(writer.run([](client::Client c) { return send(c, kRecords); }).get(), Offset(kRecords - 1));
  }
  RunningNode node(directory, RunningNode::Directory::kGoes, &disk);
  if (!evict(log)) GTEST_SKIP() << "files below " << directory << " cannot be evicted";
  gate.shut();
  ClientThread reader(node.address());
  auto old = reader.run([&gate](client::Client c) -> Task<Result<int>> {
    auto count = co_await read(c, Offset(0), Offset(kRecords));
    gate.note_event();
    co_return count;
  });
  gate.wait_for_event();
  // The same partition, and so the same loop.
  ClientThread other(node.address());
  EXPECT_EQ(other.run([](client::Client c) { return send(c, 3); }).get(), Offset(kRecords + 2));
  EXPECT_EQ(other.run([](client::Client c) { return read(c, Offset(kRecords), Offset(kRecords + 3)); }).get(), 3);
  EXPECT_EQ(old.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  gate.open();
  EXPECT_EQ(old.get(), kRecords);
}

}  // namespace
}  // namespace weir
