#include "base/loop.h"

#include <algorithm>

namespace weir {
namespace {

thread_local Loop* current_loop = nullptr;

// The coroutine that a spawned task runs in. It destroys itself at its end; Loop::clear() destroys it earlier.
struct Root {
  struct promise_type : internal::RootTask {
    promise_type() { handle = std::coroutine_handle<promise_type>::from_promise(*this); }
    Root get_return_object() { return {this}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept {
      check_failed(__FILE__, __LINE__, "no exception", "an exception left a spawned task");
    }
  };
  promise_type* promise;
};

Root run_root(Task<void> task) { co_await std::move(task); }

// Those that are there now; what is added meanwhile stays.
void resume_all(std::deque<std::coroutine_handle<>>& handles) {
  for (size_t count = handles.size(); count > 0 && !handles.empty(); --count) {
    const std::coroutine_handle<> handle = handles.front();
    handles.pop_front();
    handle.resume();
  }
}

}  // namespace

Loop::~Loop() { clear(); }

Loop& Loop::current() {
  CHECK(current_loop != nullptr, "no loop runs on this thread");
  return *current_loop;
}

Loop* Loop::current_or_null() { return current_loop; }

Loop::Scope::Scope(Loop& loop) : previous_(current_loop) { current_loop = &loop; }
Loop::Scope::~Scope() { current_loop = previous_; }

void Loop::spawn(Task<void> task) {
  Root root = run_root(std::move(task));
  roots_.push_back(*root.promise);
  defer(root.promise->handle);
}

void Loop::forget(std::coroutine_handle<> handle) {
  // Rare (only when a frame is destroyed between its wake-up and its turn), so a scan is good enough.
  std::erase(ready_, handle);
  std::erase(last_, handle);
}

void Loop::clear() {
  Scope scope(*this);
  while (!roots_.empty()) {
    internal::RootTask& root = roots_.front();
    root.unlink();
    root.handle.destroy();
  }
  ready_.clear();
  last_.clear();
}

bool Loop::run_ready() {
  resume_all(ready_);
  return !ready_.empty();
}

bool Loop::run_last() {
  if (last_.empty()) return false;
  resume_all(last_);
  return true;
}

}  // namespace weir
