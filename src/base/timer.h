// Timers of one loop: a 4-ary heap of intrusive timers, O(log n) to arm and to cancel, nothing allocated per timer.
// Owned by its Loop; loop thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"

namespace weir {

class TimerQueue;

// Something that wants to be called at a time. Armed at most once at a time; destruction disarms it.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { cancel(); }

  [[nodiscard]] bool armed() const { return queue_ != nullptr; }
  [[nodiscard]] MonotonicTime deadline() const { return deadline_; }
  void cancel();

 protected:
  // Called on the loop, disarmed; may arm itself again or destroy itself.
  virtual void on_expiry() = 0;

 private:
  friend class TimerQueue;
  TimerQueue* queue_ = nullptr;
  uint32_t index_ = 0;
  uint64_t sequence_ = 0;
  MonotonicTime deadline_{};
};

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  // (Re-)arms `timer`; timers of one deadline expire in the order they were armed, so that a simulation repeats.
  void arm(Timer& timer, MonotonicTime deadline);
  // kNever when none is armed.
  [[nodiscard]] MonotonicTime next_deadline() const { return heap_.empty() ? kNever : heap_.front()->deadline_; }
  // Calls those that are due at `now`, the earliest first; returns how many. Timers armed meanwhile for `now` wait for
  // the next call.
  size_t expire(MonotonicTime now);
  [[nodiscard]] size_t size() const { return heap_.size(); }

 private:
  friend class Timer;
  void remove(Timer& timer);
  void sift_up(uint32_t index);
  void sift_down(uint32_t index);
  void place(uint32_t index, Timer* timer);
  [[nodiscard]] static bool before(const Timer& a, const Timer& b);

  std::vector<Timer*> heap_;
  uint64_t next_sequence_ = 0;
};

}  // namespace weir
