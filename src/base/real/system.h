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
  void submit(Work work) override;
  // Finishes what was submitted and joins; nothing may be submitted any more.
  void finish();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Work> queue_;  // guarded by mutex_; bounded by the waits of those who submit
  bool stopping_ = false;   // guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace weir
