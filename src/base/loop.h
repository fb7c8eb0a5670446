// Loop: what runs a shard. One thread (or, in a simulation, one of many loops that take turns on one thread) runs the
// work posted to it, resumes coroutines, and fires timers. Implementations: real/epoll_loop.h and the simulator's.
#pragma once

#include <coroutine>
#include <deque>
#include <functional>

#include "base/intrusive_list.h"
#include "base/task.h"
#include "base/timer.h"
#include "base/types.h"

namespace weir {

using Work = std::move_only_function<void()>;

namespace internal {
// The outermost coroutine of a spawned task; its frame lives until it ends or its loop is cleared.
struct RootTask : ListNode {
  std::coroutine_handle<> handle;
};
}  // namespace internal

class Loop {
 public:
  explicit Loop(ShardId shard) : shard_(shard) {}
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop();

  // Runs `work` on this loop, in the order of posting for each poster. Any thread.
  virtual void post(Work work) = 0;

  // The rest: loop thread only.
  // Time as of the start of the current step: cheap, and constant within a step.
  [[nodiscard]] virtual MonotonicTime now() const = 0;
  [[nodiscard]] ShardId shard() const { return shard_; }
  TimerQueue& timers() { return timers_; }

  // Resumes `handle` after the current step: completions never recurse into those that wait for them.
  void defer(std::coroutine_handle<> handle) { ready_.push_back(handle); }
  // Resumes `handle` when nothing else is left to do, or after a bounded number of steps where there always is.
  void defer_to_last(std::coroutine_handle<> handle) { last_.push_back(handle); }
  // Forgets a deferred handle whose frame is being destroyed.
  void forget(std::coroutine_handle<> handle);
  // Starts `task` after the current step and owns it until it ends.
  void spawn(Task<void> task);
  // Destroys every spawned task where it stands. Before the things that the tasks refer to are destroyed.
  void clear();

  // The loop whose step is running on this thread; CHECKs that there is one.
  static Loop& current();
  // nullptr on a thread that runs no loop.
  static Loop* current_or_null();

 protected:
  // Resumes what is ready, up to what was ready at the start; returns whether more is ready.
  bool run_ready();
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }
  // Resumes what was deferred to the last; returns whether there was any.
  bool run_last();
  // Whether nothing waits to be resumed.
  [[nodiscard]] bool is_idle() const { return ready_.empty() && last_.empty(); }

  // Marks this loop as the current one of the thread for a scope.
  class Scope {
   public:
    explicit Scope(Loop& loop);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Loop* previous_;
  };

 private:
  ShardId shard_;
  TimerQueue timers_;
  std::deque<std::coroutine_handle<>> ready_;
  std::deque<std::coroutine_handle<>> last_;
  IntrusiveList<internal::RootTask> roots_;
};

}  // namespace weir
