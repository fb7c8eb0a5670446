#include "base/timer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace weir {
namespace {

struct RecordingTimer : Timer {
  explicit RecordingTimer(std::vector<int>& log, int id) : log(log), id(id) {}
  void on_expiry() override { log.push_back(id); }
  std::vector<int>& log;
  int id;
};

TEST(TimerQueue, ExpiresByDeadlineThenByOrderOfArming) {
  TimerQueue queue;
  std::vector<int> log;
  RecordingTimer first(log, 1), second(log, 2), third(log, 3), cancelled(log, 4);
  queue.arm(second, MonotonicTime(milliseconds(5)));
  queue.arm(third, MonotonicTime(milliseconds(5)));
  queue.arm(cancelled, MonotonicTime(milliseconds(2)));
  queue.arm(first, MonotonicTime(milliseconds(1)));
  cancelled.cancel();
  EXPECT_EQ(queue.expire(MonotonicTime(milliseconds(4))), 1u);
  EXPECT_EQ(queue.expire(MonotonicTime(milliseconds(5))), 2u);
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(queue.next_deadline(), kNever);
}

TEST(TimerQueue, KeepsOrderUnderManyRandomArmsAndCancels) {
  TimerQueue queue;
  std::vector<int> log;
  std::vector<std::unique_ptr<RecordingTimer>> timers;
  uint64_t state = 42;
  for (int i = 0; i < 1000; ++i) {
    timers.push_back(std::make_unique<RecordingTimer>(log, i));
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    queue.arm(*timers.back(), MonotonicTime(milliseconds(state >> 54)));
    if (i % 3 == 0) timers[static_cast<size_t>(i) / 2].reset(new RecordingTimer(log, i));
  }
  std::vector<MonotonicTime> deadlines;
  while (queue.next_deadline() != kNever) {
    deadlines.push_back(queue.next_deadline());
    queue.expire(queue.next_deadline());
  }
  EXPECT_TRUE(std::ranges::is_sorted(deadlines));
  EXPECT_EQ(queue.size(), 0u);
}

struct RearmingTimer : Timer {
  explicit RearmingTimer(TimerQueue& queue) : queue(queue) {}
  void on_expiry() override {
    ++expiries;
    queue.arm(*this, deadline());
  }
  TimerQueue& queue;
  int expiries = 0;
};

TEST(TimerQueue, TimerThatArmsItselfForNowWaitsForTheNextCall) {
  TimerQueue queue;
  RearmingTimer timer(queue);
  queue.arm(timer, MonotonicTime(milliseconds(1)));
  EXPECT_EQ(queue.expire(MonotonicTime(milliseconds(1))), 1u);
  EXPECT_EQ(queue.expire(MonotonicTime(milliseconds(1))), 1u);
  EXPECT_EQ(timer.expiries, 2);
  EXPECT_TRUE(timer.armed());
}

// Destroys itself and another one when it expires.
struct DestroyingTimer : Timer {
  explicit DestroyingTimer(std::unique_ptr<Timer>& self, std::unique_ptr<Timer>& other) : self(self), other(other) {}
  void on_expiry() override {
    other.reset();
    self.reset();
  }
  std::unique_ptr<Timer>& self;
  std::unique_ptr<Timer>& other;
};

TEST(TimerQueue, TimersMayBeDestroyedByOneThatExpires) {
  TimerQueue queue;
  std::vector<int> log;
  std::unique_ptr<Timer> first, second;
  first = std::make_unique<DestroyingTimer>(first, second);
  second = std::make_unique<RecordingTimer>(log, 1);
  queue.arm(*first, MonotonicTime(milliseconds(1)));
  queue.arm(*second, MonotonicTime(milliseconds(1)));
  EXPECT_EQ(queue.expire(MonotonicTime(milliseconds(2))), 1u);
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_TRUE(log.empty());
}

TEST(TimerQueue, ArmingAgainReplacesTheDeadline) {
  TimerQueue queue;
  std::vector<int> log;
  RecordingTimer timer(log, 1);
  queue.arm(timer, MonotonicTime(milliseconds(1)));
  queue.arm(timer, MonotonicTime(milliseconds(9)));
  EXPECT_EQ(queue.size(), 1u);
  EXPECT_EQ(queue.next_deadline(), MonotonicTime(milliseconds(9)));
  EXPECT_EQ(queue.expire(MonotonicTime(milliseconds(5))), 0u);
}

TEST(TimerQueue, DestroyedQueueDisarmsItsTimers) {
  std::vector<int> log;
  RecordingTimer timer(log, 1);
  {
    TimerQueue queue;
    queue.arm(timer, MonotonicTime(milliseconds(1)));
  }
  EXPECT_FALSE(timer.armed());
}

}  // namespace
}  // namespace weir
