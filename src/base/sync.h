// What coroutines of one loop wait for: wake-ups with deadlines, mutual exclusion, work on other loops and on disk
// threads.
#pragma once

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/intrusive_list.h"
#include "base/loop.h"
#include "base/task.h"
#include "base/timer.h"

namespace weir {

class WaitList;

// One coroutine's wait in a WaitList, with or without a deadline. co_await yields true when notified, false when the
// deadline passed.
class [[nodiscard]] Wait : public ListNode, private Timer {
 public:
  Wait(WaitList& list, MonotonicTime deadline) : list_(list), deadline_(deadline) {}
  // A wait for something that is there already: it yields true without suspending.
  static Wait none(WaitList& list) { return {list, kNever, true}; }
  ~Wait() override;

  bool await_ready() const noexcept { return notified_; }
  void await_suspend(std::coroutine_handle<> handle);
  bool await_resume() noexcept {
    woken_ = false;
    return notified_;
  }

 private:
  friend class WaitList;
  Wait(WaitList& list, MonotonicTime deadline, bool notified) : list_(list), deadline_(deadline), notified_(notified) {}
  void on_expiry() override;
  void wake(bool notified);

  WaitList& list_;
  MonotonicTime deadline_;
  std::coroutine_handle<> handle_;
  Loop* loop_ = nullptr;
  bool notified_ = false;
  bool woken_ = false;
};

// Coroutines that wait for a condition of one loop's state. They check the condition themselves, in a loop around
// co_await. The list must outlive those who wait in it, or they are destroyed with it by Loop::clear().
class WaitList {
 public:
  Wait wait() { return {*this, kNever}; }
  Wait wait_until(MonotonicTime deadline) { return {*this, deadline}; }
  void notify_all();
  void notify_one();
  [[nodiscard]] bool empty() const { return waits_.empty(); }

 private:
  friend class Wait;
  IntrusiveList<Wait> waits_;
};

// co_await sleep_for(1s);
Task<void> sleep_for(Duration duration);

// co_await Yield(); lets everything run that is ready now, and goes on after it. co_await Yield::to_last(); goes on
// when nothing else is left to do before the loop waits: what belongs to one burst of work is then done once.
class [[nodiscard]] Yield {
 public:
  Yield() = default;
  static Yield to_last() { return Yield(true); }
  Yield(const Yield&) = delete;
  Yield& operator=(const Yield&) = delete;
  ~Yield() {
    if (loop_ != nullptr) loop_->forget(handle_);
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    loop_ = &Loop::current();
    if (to_last_) {
      loop_->defer_to_last(handle);
    } else {
      loop_->defer(handle);
    }
  }
  void await_resume() noexcept { loop_ = nullptr; }

 private:
  explicit Yield(bool to_last) : to_last_(to_last) {}

  bool to_last_ = false;
  std::coroutine_handle<> handle_;
  Loop* loop_ = nullptr;
};

// Mutual exclusion of coroutines of one loop, first come first served.
class AsyncMutex {
 public:
  class [[nodiscard]] Lock {
   public:
    explicit Lock(AsyncMutex* mutex) : mutex_(mutex) {}
    Lock(Lock&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Lock& operator=(Lock&&) = delete;
    ~Lock() {
      if (mutex_ != nullptr) mutex_->unlock();
    }

   private:
    AsyncMutex* mutex_;
  };

  Task<Lock> lock();

 private:
  void unlock();
  bool locked_ = false;
  WaitList waiting_;
};

namespace internal {

// Where a result that is made on another thread or loop meets the coroutine that waits for it. Shared by both, so that
// either may go first; touched only on the waiter's loop once the result is in.
template <class R>
struct Rendezvous {
  std::optional<R> result;
  WaitList done;
};

struct Unit {};
template <class R>
using Stored = std::conditional_t<std::is_void_v<R>, Unit, R>;

template <class R>
Task<R> await_rendezvous(std::shared_ptr<Rendezvous<Stored<R>>> meeting) {
  while (!meeting->result) co_await meeting->done.wait();
  if constexpr (!std::is_void_v<R>) co_return *std::move(meeting->result);
}

template <class R>
void complete(Loop& home, std::shared_ptr<Rendezvous<Stored<R>>> meeting, Stored<R> result) {
  home.post([meeting = std::move(meeting), result = std::move(result)]() mutable {
    meeting->result.emplace(std::move(result));
    meeting->done.notify_all();
  });
}

template <class Function>
struct TaskResult;
template <class T>
struct TaskResult<Task<T>> {
  using type = T;
};

template <class R, class Function>
Task<void> run_for(Loop& home, std::shared_ptr<Rendezvous<Stored<R>>> meeting, Function function) {
  if constexpr (std::is_void_v<R>) {
    co_await function();
    complete<R>(home, std::move(meeting), Unit{});
  } else {
    complete<R>(home, std::move(meeting), co_await function());
  }
}

}  // namespace internal

// Runs `function`, which returns a Task<R>, on the loop `target` and yields R here: co_await call_on(loop, [..]() ->
// Task<R> {..}). On the current loop it is spawned there. The function is kept alive until its task ends; what it
// captures by reference must live that long even if the caller is destroyed first, so capture by value. The request
// reaches `target` in the order of the calls from one loop, also when the result is awaited later (the hop begins at
// the call, not at the co_await).
template <class Function, class R = typename internal::TaskResult<std::invoke_result_t<Function>>::type>
Task<R> call_on(Loop& target, Function function) {
  Loop& home = Loop::current();
  auto meeting = std::make_shared<internal::Rendezvous<internal::Stored<R>>>();
  if (&target == &home) {
    home.spawn(internal::run_for<R, Function>(home, meeting, std::move(function)));
  } else {
    target.post([&target, &home, meeting, function = std::move(function)]() mutable {
      target.spawn(internal::run_for<R, Function>(home, std::move(meeting), std::move(function)));
    });
  }
  return internal::await_rendezvous<R>(std::move(meeting));
}

}  // namespace weir
