#include "base/real/epoll_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/test_loop.h"

namespace weir {
namespace {

TEST_F(LoopTest, PostsOfSeveralThreadsAllRunOnTheLoopEachInTheirOrder) {
  constexpr int kPosters = 4;
  constexpr int kPosts = 2000;
  std::array<int, kPosters> next{};
  int left = kPosters * kPosts;
  std::vector<std::jthread> posters;
  for (size_t poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([&, poster] {
      for (int i = 0; i < kPosts; ++i) {
        loop_.post([&, poster, i] {
          EXPECT_EQ(Loop::current_or_null(), &loop_);
          EXPECT_EQ(next[poster]++, i);
          if (--left == 0) loop_.stop();
        });
      }
    });
  }
  loop_.run();
  EXPECT_EQ(left, 0);
}

TEST_F(LoopTest, WorkPostedByWorkRunsInALaterStep) {
  MonotonicTime first;
  loop_.post([&] {
    first = loop_.now();
    loop_.post([&] {
      EXPECT_GE(loop_.now(), first);
      loop_.stop();
    });
    EXPECT_EQ(loop_.now(), first);
  });
  loop_.run();
}

TEST_F(LoopTest, TimersFireInTheirOrderAndNotEarly) {
  std::vector<int> order;
  auto sleeper = [](std::vector<int>& log, int ms) -> Task<void> {
    const MonotonicTime before = Loop::current().now();
    co_await sleep_for(milliseconds(ms));
    EXPECT_GE(Loop::current().now() - before, milliseconds(ms));
    log.push_back(ms);
  };
  auto scenario = [&](Loop& loop) -> Task<void> {
    loop.spawn(sleeper(order, 5));
    loop.spawn(sleeper(order, 1));
    loop.spawn(sleeper(order, 3));
    while (order.size() < 3) co_await sleep_for(milliseconds(1));
  };
  run(scenario(loop_));
  EXPECT_EQ(order, (std::vector<int>{1, 3, 5}));
}

TEST_F(LoopTest, StoppedLoopRunsNothing) {
  loop_.stop();
  bool ran = false;
  loop_.post([&] { ran = true; });
  loop_.run();
  EXPECT_FALSE(ran);
}

TEST_F(LoopTest, NothingRunsBehindTheTurnInWhichTheLoopIsStopped) {
  int steps = 0;
  loop_.spawn([](EpollLoop& loop, int& count) -> Task<void> {
    ++count;
    loop.stop();
    co_await Yield();
    ++count;
  }(loop_, steps));
  loop_.spawn([](int& count) -> Task<void> {
    co_await Yield::to_last();
    count += 10;
  }(steps));
  loop_.run();
  EXPECT_EQ(steps, 1);
}

TEST_F(LoopTest, LoopsOnTwoThreadsPassWorkBackAndForth) {
  EpollLoop other(ShardId(1), clock_);
  std::jthread thread([&] { other.run(); });
  auto ask = [](Loop& target) -> Task<void> {
    for (int i = 0; i < 500; ++i) {
      const int back = co_await call_on(target, [i]() -> Task<int> { co_return i; });
      EXPECT_EQ(back, i);
    }
  };
  run(ask(other));
  other.stop();
}

// Loops beside loop_, each on a thread of its own, stopped and joined at the end. With a host they may be its guests.
class OtherLoops {
 public:
  OtherLoops(const Clock& clock, uint32_t count, EpollLoop* host = nullptr) {
    for (uint32_t i = 0; i < count; ++i) {
      loops_.push_back(std::make_unique<EpollLoop>(ShardId(i + 1), clock));
      if (host != nullptr) loops_.back()->set_host(*host);
    }
    for (const auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
  }
  OtherLoops(const OtherLoops&) = delete;
  OtherLoops& operator=(const OtherLoops&) = delete;
  ~OtherLoops() {
    for (const auto& loop : loops_) loop->stop();
    threads_.clear();
    for (const auto& loop : loops_) loop->clear();
  }
  EpollLoop& operator[](size_t index) { return *loops_[index]; }

 private:
  std::vector<std::unique_ptr<EpollLoop>> loops_;
  std::vector<std::jthread> threads_;
};

Task<std::thread::id> thread_of(Loop& loop) {
  co_return co_await call_on(loop, [&loop]() -> Task<std::thread::id> {
    EXPECT_EQ(Loop::current_or_null(), &loop);
    co_return std::this_thread::get_id();
  });
}

TEST_F(LoopTest, WorkForASleepingLoopRunsOnTheThreadThatPostedIt) {
  OtherLoops others(clock_, 1);
  auto ask = [](Loop& other) -> Task<void> {
    // The other may be busy with what came before, but not forever.
    while (co_await thread_of(other) != std::this_thread::get_id()) co_await sleep_for(milliseconds(1));
  };
  run(ask(others[0]));
}

void keep_busy(Duration duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) continue;
}

TEST_F(LoopTest, ALoopThatDoesNotSleepWakesTheOthers) {
  OtherLoops others(clock_, 1);
  auto ask = [](Loop& other) -> Task<void> {
    const std::thread::id self = std::this_thread::get_id();
    while (co_await thread_of(other) == self) {
      keep_busy(milliseconds(15));
    }
  };
  run(ask(others[0]));
}

TEST_F(LoopTest, TimersArmedOnABorrowedLoopFireWhileTheBorrowerSleeps) {
  OtherLoops others(clock_, 1);
  auto ask = [](Loop& other) -> Task<void> {
    for (int i = 0; i < 50; ++i) {
      co_await call_on(other, []() -> Task<void> { co_await sleep_for(milliseconds(1)); });
    }
  };
  run(ask(others[0]));
}

TEST_F(LoopTest, ABorrowedLoopWithMoreToDoThanItsTurnsGoesOnByItself) {
  OtherLoops others(clock_, 1);
  auto ask = [](Loop& other) -> Task<void> {
    for (int i = 0; i < 50; ++i) {
      co_await call_on(other, []() -> Task<void> {
        for (int turn = 0; turn < 100; ++turn) co_await Yield();
      });
      co_await sleep_for(microseconds(100));
    }
  };
  run(ask(others[0]));
}

class CountingWatcher final : public EpollLoop::Watcher {
 public:
  explicit CountingWatcher(EpollLoop& loop) : loop_(loop), descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    CHECK(descriptor_ >= 0);
    loop_.watch(descriptor_, *this);
  }
  CountingWatcher(const CountingWatcher&) = delete;
  CountingWatcher& operator=(const CountingWatcher&) = delete;
  ~CountingWatcher() {
    loop_.unwatch(descriptor_, *this);
    ::close(descriptor_);
  }
  void on_events(uint32_t events) override {
    if ((events & EPOLLIN) != 0) ++readable;
    if (on_readable && (events & EPOLLIN) != 0) on_readable();
  }
  void make_readable() const {
    const uint64_t one = 1;
    ASSERT_EQ(::write(descriptor_, &one, sizeof one), ssize_t{sizeof one});
  }

  int readable = 0;
  std::function<void()> on_readable;

 private:
  EpollLoop& loop_;
  int descriptor_;
};

TEST_F(LoopTest, EventsOfAWatcherThatIsGoneReachNobody) {
  auto first = std::make_unique<CountingWatcher>(loop_);
  auto second = std::make_unique<CountingWatcher>(loop_);
  std::unique_ptr<CountingWatcher> third;
  first->make_readable();
  second->make_readable();
  // Whichever comes first takes the other away, whose event is in the same batch, and puts a new one in its place.
  auto replace = [&](std::unique_ptr<CountingWatcher>& other) {
    other = nullptr;
    third = std::make_unique<CountingWatcher>(loop_);
    loop_.post([&] { loop_.stop(); });
  };
  first->on_readable = [&] { replace(second); };
  second->on_readable = [&] { replace(first); };
  loop_.run();
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third->readable, 0);
  EXPECT_EQ((first ? 1 : 0) + (second ? 1 : 0), 1);
}

// An event on a descriptor of `loop`: the thread that it is delivered on. The event comes from a thread that runs no
// loop, as those of the network do.
Task<std::thread::id> event_thread_of(EpollLoop& loop) {
  co_return co_await call_on(loop, [&loop]() -> Task<std::thread::id> {
    CountingWatcher watcher(loop);
    std::thread::id on;
    WaitList delivered;
    watcher.on_readable = [&] {
      EXPECT_EQ(Loop::current_or_null(), &loop);
      on = std::this_thread::get_id();
      delivered.notify_all();
    };
    std::jthread client([&watcher] { watcher.make_readable(); });
    while (on == std::thread::id()) co_await delivered.wait();
    co_return on;
  });
}

// Ends when `guest` is watched by the thread of the loop that this runs on, which is its host.
Task<void> become_host_of(EpollLoop& guest) {
  const std::thread::id self = std::this_thread::get_id();
  while (co_await event_thread_of(guest) != self) co_await sleep_for(milliseconds(5));
}

TEST_F(LoopTest, TheThreadOfTheHostWatchesALoopWithLittleToDo) {
  OtherLoops others(clock_, 2, &loop_);
  auto scenario = [](OtherLoops& guests) -> Task<void> {
    co_await become_host_of(guests[0]);
    co_await become_host_of(guests[1]);
  };
  run(scenario(others));
}

TEST_F(LoopTest, ABusyHostSendsItsGuestsHome) {
  OtherLoops others(clock_, 1, &loop_);
  auto scenario = [](EpollLoop& guest) -> Task<void> {
    co_await become_host_of(guest);
    const std::thread::id self = std::this_thread::get_id();
    for (;;) {
      Task<std::thread::id> asked = event_thread_of(guest);
      keep_busy(milliseconds(15));
      if (co_await std::move(asked) != self) co_return;
    }
  };
  run(scenario(others[0]));
}

TEST_F(LoopTest, TimersOfAGuestFireWhileItsHostSleeps) {
  OtherLoops others(clock_, 1, &loop_);
  auto scenario = [](EpollLoop& guest) -> Task<void> {
    co_await become_host_of(guest);
    for (int i = 0; i < 20; ++i) {
      co_await call_on(guest, []() -> Task<void> { co_await sleep_for(milliseconds(2)); });
    }
  };
  run(scenario(others[0]));
}

TEST_F(LoopTest, AGuestGoesOnWhenItsHostEnds) {
  EpollLoop host(ShardId(9), clock_);
  std::jthread host_thread([&] { host.run(); });
  OtherLoops others(clock_, 1, &host);
  auto scenario = [](EpollLoop& ending, std::thread::id watching, EpollLoop& guest) -> Task<void> {
    // The host has to have slept a while before it takes a guest.
    while (co_await event_thread_of(guest) != watching) {
      co_await call_on(ending, []() -> Task<void> { co_await sleep_for(milliseconds(5)); });
    }
    ending.stop();
    while (co_await event_thread_of(guest) == watching) continue;
  };
  run(scenario(host, host_thread.get_id(), others[0]));
}

TEST_F(LoopTest, WhatIsPutLastRunsOnceEverythingElseOfTheBurstHasRun) {
  OtherLoops others(clock_, 1);
  auto scenario = [](EpollLoop& other) -> Task<void> {
    int done = 0;
    for (int i = 0; i < 3; ++i) {
      Loop::current().spawn([](int& count) -> Task<void> {
        co_await Yield();
        ++count;
      }(done));
    }
    co_await Yield::to_last();
    EXPECT_EQ(done, 3);
    // Nothing else has to happen for it to go on.
    co_await Yield::to_last();
    co_await call_on(other, []() -> Task<void> { co_await Yield::to_last(); });
  };
  run(scenario(others[0]));
}

TEST_F(LoopTest, WhatIsPutLastRunsThoughThereIsAlwaysSomethingReady) {
  bool ended = false;
  auto busy = [](const bool& end) -> Task<void> {
    while (!end) co_await Yield();
  };
  auto scenario = [](bool& end) -> Task<void> {
    co_await Yield::to_last();
    end = true;
    co_return;
  };
  loop_.spawn(busy(ended));
  run(scenario(ended));
}

// Of a loop's own: touched by whoever runs it, without a lock.
struct Counted {
  int64_t visits = 0;
  bool busy = false;
};

Task<void> visit(OtherLoops& loops, std::vector<Counted>& counted, uint64_t seed, int visits) {
  for (int i = 0; i < visits; ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    const size_t target = seed >> 32U & 3U;
    const bool sleeps = (seed >> 40U & 7U) == 0;
    co_await call_on(loops[target], [&counted, &loops, target, sleeps]() -> Task<void> {
      Counted& own = counted[target];
      EXPECT_FALSE(std::exchange(own.busy, true));
      ++own.visits;
      CountingWatcher watcher(loops[target]);
      own.busy = false;
      if (sleeps) co_await sleep_for(microseconds(50));
    });
  }
}

// With and without a host.
class ManyLoopsTest : public LoopTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Hosts, ManyLoopsTest, ::testing::Bool());

TEST_P(ManyLoopsTest, LendThemselvesWithoutEverRunningTwice) {
  constexpr int kVisitors = 16;
  constexpr int kVisits = 400;
  std::vector<Counted> counted(4);
  std::atomic<int> left = kVisitors;
  {
    OtherLoops loops(clock_, 4, GetParam() ? &loop_ : nullptr);
    for (uint64_t visitor = 0; visitor < kVisitors; ++visitor) {
      loops[visitor % 4].post([&, visitor] {
        auto go = [](OtherLoops& all, std::vector<Counted>& counts, uint64_t seed, std::atomic<int>& still,
                     EpollLoop& last) -> Task<void> {
          co_await visit(all, counts, seed, kVisits);
          if (--still == 0) last.post([&last] { last.stop(); });
        };
        Loop::current().spawn(go(loops, counted, visitor, left, loop_));
      });
    }
    loop_.run();
  }
  int64_t visits = 0;
  for (const Counted& of : counted) visits += of.visits;
  EXPECT_EQ(visits, int64_t{kVisitors} * kVisits);
}

}  // namespace
}  // namespace weir
