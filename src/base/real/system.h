// The machine's clocks, randomness and disk threads.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/seams.h"

namespace weir {

class SystemClock final : public Clock {
 public:
  [[nodiscard]] MonotonicTime monotonic() const override;
  [[nodiscard]] Timestamp wall() const override;
};

// The kernel's random numbers: ids must not repeat between processes.
class SystemRandom final : public Random {
 public:
  uint64_t next() override;
};

class SystemDiskThreads final : public DiskThreads {
 public:
  explicit SystemDiskThreads(size_t threads);
  ~SystemDiskThreads() override;
  void submit(Work work, DiskWork kind) override;
  // Finishes what was submitted and joins; nothing may be submitted any more.
  void finish();

 private:
  void run();
  [[nodiscard]] bool may_read() const { return !reads_.empty() && reading_ < reading_max_; }

  const size_t reading_max_;  // threads that do cold reads at a time
  std::mutex mutex_;
  std::condition_variable more_;
  // Guarded by mutex_. The queues are bounded by the waits of those who submit.
  std::deque<Work> queue_;
  std::deque<Work> reads_;
  size_t reading_ = 0;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace weir
