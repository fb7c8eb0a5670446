#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/buffer.h"
#include "base/real/epoll_loop.h"
#include "base/real/posix_network.h"
#include "base/real/system.h"
#include "base/seams.h"
#include "base/uuid.h"

namespace weir {
namespace {

// Runs a task on a real loop until it ends.
class LoopTest : public ::testing::Test {
 protected:
  void run(Task<void> task) {
    loop_.spawn(and_stop(std::move(task)));
    loop_.run();
  }
  Task<void> and_stop(Task<void> task) {
    co_await std::move(task);
    loop_.stop();
  }

  SystemClock clock_;
  SystemRandom random_;
  SystemDiskThreads disk_threads_{2};
  EpollLoop loop_{ShardId(0), clock_};
  PosixNetwork network_{disk_threads_};
};

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

Task<void> echo_once(Listener& listener) {
  auto accepted = co_await listener.accept();
  auto connection = (*accepted)->attach(Loop::current());
  std::array<uint8_t, 5> bytes;
  EXPECT_TRUE(co_await connection->read_exactly(bytes, kNever));
  EXPECT_TRUE(co_await connection->write_all(bytes, seconds(5)));
  EXPECT_EQ((co_await connection->read_exactly(bytes, kNever)).error().code, Errc::kClosed);
}

Task<void> talk_to_echo(Network& network, Loop& loop) {
  auto listener = network.listen(loop, {"127.0.0.1", 0});
  EXPECT_TRUE(listener.has_value());
  loop.spawn(echo_once(**listener));
  auto connection = co_await network.connect(loop, (*listener)->local(), kNever);
  EXPECT_TRUE(connection.has_value());
  EXPECT_TRUE(co_await (*connection)->write_all(as_bytes("hello"), seconds(5)));
  std::array<uint8_t, 5> bytes;
  EXPECT_TRUE(co_await (*connection)->read_exactly(bytes, kNever));
  EXPECT_EQ(as_text(bytes), "hello");
}

TEST_F(LoopTest, ConnectionCarriesBytesBothWaysAndReportsItsEnd) { run(talk_to_echo(network_, loop_)); }

TEST_F(LoopTest, ConnectingToAClosedPortIsRefused) {
  auto attempt = [](Network& network, Loop& loop) -> Task<void> {
    Endpoint closed;
    {
      auto listener = network.listen(loop, {"127.0.0.1", 0});
      closed = (*listener)->local();
    }
    auto connection = co_await network.connect(loop, closed, kNever);
    EXPECT_EQ(connection.error().code, Errc::kClosed);
  };
  run(attempt(network_, loop_));
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

TEST(Uuid, TextFormRoundTrips) {
  SystemRandom random;
  EXPECT_EQ(kMetadataTopicId.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const Uuid id = Uuid::random(random);
    EXPECT_EQ(Uuid::parse(id.to_string()), id);
    EXPECT_TRUE(seen.insert(id.to_string()).second);
  }
  EXPECT_EQ(Uuid::parse("short").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(Uuid::parse("AAAAAAAAAAAAAAAAAAAA+Q").error().code, Errc::kInvalidArgument);
}

TEST(Buffer, IsSharedUntilTheLastReferenceAndThenReused) {
  Buffer buffer = Buffer::allocate(100'000);
  EXPECT_GE(buffer.capacity(), 100'000u);
  uint8_t* memory = buffer.data();
  Buffer second = buffer;
  EXPECT_FALSE(buffer.unique());
  second = {};
  EXPECT_TRUE(buffer.unique());
  buffer = {};
  EXPECT_EQ(Buffer::allocate(100'000).data(), memory);
}

}  // namespace
}  // namespace weir
