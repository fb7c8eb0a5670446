// FirstStretch: runs a task and tells how long it took until it waited for something, or ended: the time that a request
// has cost its shard, for request_percentage. What it does after it waited is not counted: others run in between.
#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "base/seams.h"
#include "base/task.h"

namespace weir::broker {

template <class T>
class [[nodiscard]] FirstStretch {
 public:
  // `took` is set when the stretch is over, and outlives the task.
  FirstStretch(Task<T> task, const Clock& clock, std::optional<Duration>& took)
      : task_(std::move(task)), inner_(std::move(task_).operator co_await()), clock_(clock), took_(took) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) {
    const MonotonicTime began = clock_.monotonic();
    // With nobody to go on after it, the task comes back here when it first waits, and when it ends.
    const std::coroutine_handle<> child = inner_.await_suspend(std::noop_coroutine());
    child.resume();
    took_ = clock_.monotonic() - began;
    if (child.done()) return false;
    inner_.await_suspend(awaiting);
    return true;
  }
  T await_resume() { return inner_.await_resume(); }

 private:
  Task<T> task_;
  decltype(std::declval<Task<T>>().operator co_await()) inner_;
  const Clock& clock_;
  std::optional<Duration>& took_;
};

}  // namespace weir::broker
