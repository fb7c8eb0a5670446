#include "base/real/system.h"

#include <sys/random.h>

#include <ctime>

namespace weir {
namespace {

int64_t read_clock_ns(clockid_t id) {
  timespec time;
  ::clock_gettime(id, &time);
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

MonotonicTime SystemClock::monotonic() const { return MonotonicTime(Duration(read_clock_ns(CLOCK_MONOTONIC))); }

Timestamp SystemClock::wall() const { return Timestamp(read_clock_ns(CLOCK_REALTIME) / 1'000'000); }

uint64_t SystemRandom::next() {
  uint64_t value;
  CHECK(::getrandom(&value, sizeof value, 0) == sizeof value);
  return value;
}

// Half of the threads: a device gives most of what it can to a few readers with their reads ahead.
SystemDiskThreads::SystemDiskThreads(size_t threads) : reading_max_((threads + 1) / 2) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

SystemDiskThreads::~SystemDiskThreads() { finish(); }

void SystemDiskThreads::finish() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  more_.notify_all();
  threads_.clear();
}

void SystemDiskThreads::submit(Work work, DiskWork kind) {
  {
    std::lock_guard lock(mutex_);
    (kind == DiskWork::kColdRead ? reads_ : queue_).push_back(std::move(work));
  }
  more_.notify_one();
}

void SystemDiskThreads::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    more_.wait(lock, [this] { return stopping_ || !queue_.empty() || may_read(); });
    if (queue_.empty() && !may_read()) return;
    const bool is_read = queue_.empty();
    std::deque<Work>& queue = is_read ? reads_ : queue_;
    Work work = std::move(queue.front());
    queue.pop_front();
    reading_ += is_read ? 1 : 0;
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
    reading_ -= is_read ? 1 : 0;
  }
}

}  // namespace weir
