#include "base/real/epoll_loop.h"

#include <gtest/gtest.h>

#include <thread>

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

}  // namespace
}  // namespace weir
