#include "base/sync.h"

namespace weir {

Wait::~Wait() {
  // Woken but not yet resumed: the frame goes away first, so the loop must not resume it.
  if (woken_) loop_->forget(handle_);
}

void Wait::await_suspend(std::coroutine_handle<> handle) {
  handle_ = handle;
  loop_ = &Loop::current();
  list_.waits_.push_back(*this);
  if (deadline_ != kNever) loop_->timers().arm(*this, deadline_);
}

void Wait::on_expiry() { wake(false); }

void Wait::wake(bool notified) {
  notified_ = notified;
  woken_ = true;
  unlink();
  cancel();
  loop_->defer(handle_);
}

void WaitList::notify_all() {
  waits_.for_each([](Wait& wait) { wait.wake(true); });
}

void WaitList::notify_one() {
  if (!waits_.empty()) waits_.front().wake(true);
}

Task<void> sleep_for(Duration duration) {
  WaitList nobody;
  co_await nobody.wait_until(Loop::current().now() + duration);
}

Task<AsyncMutex::Lock> AsyncMutex::lock() {
  // unlock() hands a held mutex straight to the one that waits longest, so it stays locked in between and nobody
  // overtakes.
  if (locked_) co_await waiting_.wait();
  locked_ = true;
  co_return Lock(this);
}

void AsyncMutex::unlock() {
  if (waiting_.empty()) {
    locked_ = false;
  } else {
    waiting_.notify_one();
  }
}

}  // namespace weir
