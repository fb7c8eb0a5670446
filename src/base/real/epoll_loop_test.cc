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

// Loops beside loop_, each on a thread of its own, stopped and joined at the end.
class OtherLoops {
 public:
  OtherLoops(const Clock& clock, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<EpollLoop>(ShardId(i + 1), clock));
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

TEST_F(LoopTest, ALoopThatDoesNotSleepWakesTheOthers) {
  OtherLoops others(clock_, 1);
  auto ask = [](Loop& other) -> Task<void> {
    const std::thread::id self = std::this_thread::get_id();
    while (co_await thread_of(other) == self) {
      const auto end = std::chrono::steady_clock::now() + milliseconds(15);
      while (std::chrono::steady_clock::now() < end) continue;
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

TEST_F(LoopTest, ManyLoopsLendThemselvesWithoutEverRunningTwice) {
  constexpr int kVisitors = 16;
  constexpr int kVisits = 400;
  std::vector<Counted> counted(4);
  std::atomic<int> left = kVisitors;
  {
    OtherLoops loops(clock_, 4);
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
