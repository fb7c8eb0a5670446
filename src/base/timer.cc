#include "base/timer.h"

#include <algorithm>

#include "base/check.h"

namespace weir {
namespace {

constexpr uint32_t kFanOut = 4;

}  // namespace

void Timer::cancel() {
  if (queue_ != nullptr) queue_->remove(*this);
}

TimerQueue::~TimerQueue() {
  for (Timer* timer : heap_) timer->queue_ = nullptr;
}

bool TimerQueue::before(const Timer& a, const Timer& b) {
  return a.deadline_ != b.deadline_ ? a.deadline_ < b.deadline_ : a.sequence_ < b.sequence_;
}

void TimerQueue::place(uint32_t index, Timer* timer) {
  heap_[index] = timer;
  timer->index_ = index;
}

void TimerQueue::arm(Timer& timer, MonotonicTime deadline) {
  timer.cancel();
  timer.queue_ = this;
  timer.deadline_ = deadline;
  timer.sequence_ = next_sequence_++;
  heap_.push_back(&timer);
  place(static_cast<uint32_t>(heap_.size() - 1), &timer);
  sift_up(timer.index_);
}

void TimerQueue::remove(Timer& timer) {
  CHECK(timer.queue_ == this && heap_[timer.index_] == &timer);
  uint32_t index = timer.index_;
  Timer* last = heap_.back();
  heap_.pop_back();
  timer.queue_ = nullptr;
  if (last == &timer) return;
  place(index, last);
  sift_up(index);
  sift_down(last->index_);
}

size_t TimerQueue::expire(MonotonicTime now) {
  const uint64_t armed_before = next_sequence_;
  size_t expired = 0;
  while (!heap_.empty() && heap_.front()->deadline_ <= now && heap_.front()->sequence_ < armed_before) {
    Timer* timer = heap_.front();
    remove(*timer);
    ++expired;
    timer->on_expiry();
  }
  return expired;
}

void TimerQueue::sift_up(uint32_t index) {
  Timer* timer = heap_[index];
  while (index > 0) {
    uint32_t parent = (index - 1) / kFanOut;
    if (!before(*timer, *heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, timer);
}

void TimerQueue::sift_down(uint32_t index) {
  Timer* timer = heap_[index];
  for (;;) {
    uint64_t first = uint64_t{index} * kFanOut + 1;
    if (first >= heap_.size()) break;
    uint64_t last = std::min<uint64_t>(first + kFanOut, heap_.size());
    auto least = static_cast<uint32_t>(first);
    for (uint64_t child = first + 1; child < last; ++child) {
      if (before(*heap_[child], *heap_[least])) least = static_cast<uint32_t>(child);
    }
    if (!before(*heap_[least], *timer)) break;
    place(index, heap_[least]);
    index = least;
  }
  place(index, timer);
}

}  // namespace weir
