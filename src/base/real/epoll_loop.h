// The real Loop: one thread, one epoll instance. Descriptors are registered once, edge-triggered, and remember their
// readiness, so that a request and its answer cost three system calls: epoll_wait, recv, send.
//
// Loops of one process lend themselves to each other. Waking a thread costs more than most of the work that is passed
// between loops, so a loop that has posted to a sleeping one runs that one's work itself, on its own thread, before it
// would sleep. Under light load one core does what one core can do; a loop that does not get to sleep wakes the others
// and all cores work. Whoever runs a loop holds its state, so that a loop's work never runs on two threads at once; on
// which thread it runs is nobody's business. See docs/decisions/0006-loops-lend-themselves.md.
//
// A loop with little to do goes one step further: it becomes the guest of its host, whose thread then watches its
// descriptors and timers too, so that a node with little to do wakes one thread. A host that gets busy sends its guests
// home. See docs/decisions/0014-guest-loops.md.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/loop.h"
#include "base/seams.h"

namespace weir {

class EpollLoop final : public Loop {
 public:
  EpollLoop(ShardId shard, const Clock& clock);
  ~EpollLoop() override;

  // Lets `host`, another loop, watch this one while both have little to do. Before run(); the host outlives run().
  void set_host(EpollLoop& host) { host_ = &host; }
  // Runs until stop(). The calling thread becomes the loop's, and takes no SIGPIPE from then on.
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

   private:
    friend class EpollLoop;
    uint32_t slot_ = 0;
  };
  void watch(int descriptor, Watcher& watcher);
  void unwatch(int descriptor, Watcher& watcher);

 private:
  // Who runs this loop.
  enum class State : uint32_t {
    kAwake,   // its own thread
    kAsleep,  // nobody: its thread, or its host's, is, or is about to be, blocked in epoll_wait
    kLent,    // the thread of another loop, while its own sleeps or waits to have it back
  };

  // Where the events of a descriptor go. A slot is used again, with another generation: events of a watcher that is
  // gone may still be on their way.
  struct Slot {
    Watcher* watcher = nullptr;
    uint32_t generation = 0;
  };

  // One turn: what was posted, timers that are due, coroutines that are ready.
  void take_turn();
  void run_inbox();
  [[nodiscard]] bool inbox_empty();
  void wait_for_events();
  // How long the thread may wait: until the next timer of this loop, which sleeps, and of its guests.
  [[nodiscard]] MonotonicTime wake_time();
  // Gives this loop up until take_back(), unless there is work for it.
  [[nodiscard]] bool fall_asleep();
  void take_back();
  // Delivers the events that are there already.
  void poll_now();
  void deliver(std::span<const epoll_event> events);
  void wake_thread();
  // Runs the loops that work was posted to from this thread while they slept, or wakes their threads.
  void run_borrowed_loops();
  // Keeps is_short_of_time_ up to date: called after each look at the descriptors, which took from `before` on.
  void note_wait(MonotonicTime before);
  // As the borrower, with the state at kLent.
  void run_as_borrowed();

  // Guest, asleep: waits at the host until sent home. False at once when it is better to stay.
  [[nodiscard]] bool stay_with_host();
  // Host, from the guest's thread.
  [[nodiscard]] bool take_in(EpollLoop& guest);
  // Host's thread.
  void send_home(EpollLoop& guest);
  void send_all_home();
  // Puts the guests that have something to do among the loops to borrow.
  void visit_guests();
  void note_guest_event(uint64_t key);

  const Clock& clock_;
  MonotonicTime now_;
  // Written by the thread that watches this loop, before it sleeps.
  std::atomic<MonotonicTime> sleeps_until_ = kNever;
  // How much of the time since window_began_ the thread has slept; see note_wait().
  MonotonicTime window_began_;
  Duration slept_{};
  bool is_short_of_time_ = false;
  int epoll_ = -1;
  int wake_up_ = -1;  // eventfd
  std::atomic<bool> stopping_ = false;
  std::atomic<State> state_ = State::kAwake;
  // True from a write to wake_up_ until the thread has woken.
  std::atomic<bool> woken_ = false;
  std::mutex inbox_mutex_;
  std::vector<Work> inbox_;  // guarded by inbox_mutex_
  std::vector<Work> processing_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  // Loops that slept when this thread posted to them, and guests whose descriptors are ready. No loop twice.
  std::vector<EpollLoop*> to_borrow_;

  // As a guest.
  EpollLoop* host_ = nullptr;
  // Whose thread watches this loop's descriptors and timers.
  std::atomic<EpollLoop*> watched_by_ = this;
  bool has_little_to_do_ = false;
  bool descriptors_ready_ = false;  // host's thread only
  // As a host.
  std::atomic<bool> has_room_ = false;
  std::mutex guests_mutex_;
  bool takes_guests_ = false;       // guarded by guests_mutex_
  std::vector<EpollLoop*> guests_;  // guarded by guests_mutex_
};

}  // namespace weir
