#include "base/sync.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/seams.h"
#include "base/test_loop.h"

namespace weir {
namespace {

TEST_F(LoopTest, DiskThreadsYieldTheirResultOnTheLoop) {
  auto ask = [](DiskThreads& threads) -> Task<void> {
    const Loop* seen = co_await threads.run([] { return static_cast<const Loop*>(Loop::current_or_null()); });
    EXPECT_EQ(seen, nullptr);
    EXPECT_NE(Loop::current_or_null(), nullptr);
  };
  run(ask(disk_threads_));
}

Task<void> expect_timeout_without_notification() {
  WaitList list;
  const bool notified = co_await list.wait_until(Loop::current().now() + milliseconds(1));
  EXPECT_FALSE(notified);
}

TEST_F(LoopTest, WaitYieldsFalseWhenItsDeadlinePasses) { run(expect_timeout_without_notification()); }

Task<void> append_under_lock(AsyncMutex& mutex, std::vector<int>& order, int number) {
  auto lock = co_await mutex.lock();
  co_await sleep_for(microseconds(10));
  order.push_back(number);
}

Task<void> three_lockers(AsyncMutex& mutex, std::vector<int>& order) {
  auto lock = co_await mutex.lock();
  for (int i = 0; i < 3; ++i) Loop::current().spawn(append_under_lock(mutex, order, i));
  co_await sleep_for(microseconds(10));
  {
    auto dropped = std::move(lock);
  }
  while (order.size() < 3) co_await sleep_for(microseconds(10));
}

TEST_F(LoopTest, AsyncMutexIsHandedOverInTheOrderOfAsking) {
  AsyncMutex mutex;
  std::vector<int> order;
  run(three_lockers(mutex, order));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST_F(LoopTest, ClearDestroysTasksThatWait) {
  auto marker = std::make_shared<int>(0);
  auto wait_forever = [](std::shared_ptr<int> held) -> Task<void> {
    WaitList nobody;
    co_await nobody.wait();
    *held = 1;
  };
  auto start = [&](Loop& loop) -> Task<void> {
    loop.spawn(wait_forever(marker));
    co_await sleep_for(microseconds(1));
  };
  run(start(loop_));
  EXPECT_EQ(marker.use_count(), 2);
  loop_.clear();
  EXPECT_EQ(marker.use_count(), 1);
}

TEST_F(LoopTest, CallOnRunsOnTheOtherLoopAndResumesHere) {
  EpollLoop other(ShardId(1), clock_);
  std::jthread thread([&] { other.run(); });
  auto ask = [](Loop& home, Loop& target) -> Task<void> {
    const uint32_t shard =
        co_await call_on(target, []() -> Task<uint32_t> { co_return Loop::current().shard().value(); });
    EXPECT_EQ(shard, 1u);
    EXPECT_EQ(&Loop::current(), &home);
  };
  run(ask(loop_, other));
  other.stop();
}

Task<void> count_wake(WaitList& list, int& wakes) {
  co_await list.wait();
  ++wakes;
}

TEST_F(LoopTest, NotifyOneWakesTheLongestWaitingAndNotifyAllTheRest) {
  auto scenario = [](Loop& loop) -> Task<void> {
    WaitList list;
    int first = 0, others = 0;
    loop.spawn(count_wake(list, first));
    loop.spawn(count_wake(list, others));
    loop.spawn(count_wake(list, others));
    co_await sleep_for(microseconds(1));
    list.notify_one();
    co_await sleep_for(microseconds(1));
    EXPECT_EQ(first, 1);
    EXPECT_EQ(others, 0);
    list.notify_all();
    co_await sleep_for(microseconds(1));
    EXPECT_EQ(others, 2);
    EXPECT_TRUE(list.empty());
  };
  run(scenario(loop_));
}

TEST_F(LoopTest, NotificationBeforeTheDeadlineWinsAndTheTimerIsGone) {
  auto scenario = [](Loop& loop) -> Task<void> {
    WaitList list;
    loop.spawn([](WaitList& waits) -> Task<void> {
      co_await sleep_for(microseconds(1));
      waits.notify_all();
    }(list));
    const bool notified = co_await list.wait_until(loop.now() + seconds(600));
    EXPECT_TRUE(notified);
    EXPECT_EQ(loop.timers().size(), 0u);
  };
  run(scenario(loop_));
}

TEST_F(LoopTest, TaskDestroyedBetweenItsWakeUpAndItsTurnIsNotResumed) {
  WaitList list;
  int wakes = 0;
  auto scenario = [](Loop& loop, WaitList& waits, int& count) -> Task<void> {
    loop.spawn(count_wake(waits, count));
    co_await sleep_for(microseconds(1));
  };
  run(scenario(loop_, list, wakes));
  list.notify_all();
  loop_.clear();
  EXPECT_EQ(wakes, 0);
}

TEST_F(LoopTest, ClearWhileAMutexIsHeldAndWaitedForLeavesItUsable) {
  auto mutex = std::make_shared<AsyncMutex>();
  auto hold = [](std::shared_ptr<AsyncMutex> held) -> Task<void> {
    auto lock = co_await held->lock();
    co_await sleep_for(seconds(600));
  };
  auto start = [&](Loop& loop) -> Task<void> {
    loop.spawn(hold(mutex));
    loop.spawn(hold(mutex));
    co_await sleep_for(microseconds(1));
  };
  run(start(loop_));
  loop_.clear();
  EXPECT_EQ(mutex.use_count(), 1);
}

TEST_F(LoopTest, CallOnTheOwnLoopRunsThereToo) {
  auto ask = [](Loop& home) -> Task<void> {
    const int seen = co_await call_on(home, []() -> Task<int> { co_return 7; });
    EXPECT_EQ(seen, 7);
    co_await call_on(home, []() -> Task<void> { co_return; });
  };
  run(ask(loop_));
}

TEST_F(LoopTest, CallerMayBeDestroyedWhileTheOtherLoopWorks) {
  EpollLoop other(ShardId(1), clock_);
  std::jthread thread([&] { other.run(); });
  auto ask = [](Loop& target, std::shared_ptr<int> held) -> Task<void> {
    co_await call_on(target, [held]() -> Task<void> { co_await sleep_for(milliseconds(1)); });
    *held = 1;
  };
  auto marker = std::make_shared<int>(0);
  auto start = [&](Loop& loop) -> Task<void> {
    loop.spawn(ask(other, marker));
    co_await sleep_for(microseconds(1));
  };
  run(start(loop_));
  loop_.clear();
  EXPECT_EQ(*marker, 0);
  other.stop();
  thread.join();
  other.clear();
}

TEST(DiskThreads, FinishWhatWasSubmittedBeforeTheyEnd) {
  std::atomic<int> done = 0;
  {
    SystemDiskThreads threads(3);
    for (int i = 0; i < 100; ++i)
      threads.submit([&done] { ++done; }, i % 2 == 0 ? DiskWork::kOther : DiskWork::kColdRead);
  }
  EXPECT_EQ(done, 100);
}

TEST(DiskThreads, ColdReadsThatHangLeaveThreadsForOtherWork) {
  std::atomic<bool> device_answers = false;
  std::atomic<int> written = 0;
  std::atomic<int> read = 0;
  {
    SystemDiskThreads threads(3);
    for (int i = 0; i < 10; ++i) {
      threads.submit(
          [&] {
            device_answers.wait(false);
            ++read;
          },
          DiskWork::kColdRead);
    }
    for (int i = 0; i < 10; ++i) {
      threads.submit(
          [&] {
            ++written;
            written.notify_all();
          },
          DiskWork::kOther);
    }
    for (int seen = 0; seen < 10; seen = written) written.wait(seen);
    EXPECT_EQ(read, 0);
    device_answers = true;
    device_answers.notify_all();
  }
  EXPECT_EQ(read, 10);
}

}  // namespace
}  // namespace weir
