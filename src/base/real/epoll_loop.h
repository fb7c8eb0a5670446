// The real Loop: one thread, one epoll instance. Descriptors are registered once, edge-triggered, and remember their
// readiness, so that a request and its answer cost three system calls: epoll_wait, recv, send.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "base/loop.h"
#include "base/seams.h"

namespace weir {

class EpollLoop final : public Loop {
 public:
  EpollLoop(ShardId shard, const Clock& clock);
  ~EpollLoop() override;

  // Runs until stop(). The calling thread becomes the loop's.
  void run();
  // Any thread; also async-signal-safe.
  void stop();

  void post(Work work) override;
  [[nodiscard]] MonotonicTime now() const override { return now_; }

  // Readiness of one descriptor. Loop thread only. The descriptor is closed by its owner after unwatch().
  class Watcher {
   public:
    // `events` are EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLRDHUP as epoll reports them.
    virtual void on_events(uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };
  void watch(int descriptor, Watcher& watcher);
  void unwatch(int descriptor, Watcher& watcher);

 private:
  void run_inbox();
  void wait_for_events();

  const Clock& clock_;
  MonotonicTime now_;
  int epoll_ = -1;
  int wake_up_ = -1;  // eventfd
  std::atomic<bool> stopping_ = false;
  // True while the thread is, or is about to be, blocked in epoll_wait: only then does a poster pay for a wake-up.
  std::atomic<bool> sleeping_ = false;
  std::mutex inbox_mutex_;
  std::vector<Work> inbox_;  // guarded by inbox_mutex_
  std::vector<Work> processing_;
  // Watchers removed while a batch of events is being handed out must not be called for the rest of the batch.
  std::vector<Watcher*> unwatched_;
};

}  // namespace weir
