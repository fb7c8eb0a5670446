#include "broker/group/group_shell.h"

#include <gtest/gtest.h>

#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

// A loop that the test turns by hand.
class TestLoop final : public Loop {
 public:
  TestLoop() : Loop(ShardId(0)), scope_(*this) {}
  void post(Work work) override { inbox_.push_back(std::move(work)); }
  [[nodiscard]] MonotonicTime now() const override { return now_; }
  void settle() {
    for (bool more = true; more;) {
      for (Work& work : std::exchange(inbox_, {})) work();
      more = run_ready() || !inbox_.empty() || run_last() || !is_idle();
    }
  }
  // What is ready now, and nothing that it makes ready.
  void take_step() { run_ready(); }
  void advance(milliseconds by) {
    const MonotonicTime end = now_ + by;
    while (timers().next_deadline() <= end) {
      now_ = std::max(now_, timers().next_deadline());
      timers().expire(now_);
      settle();
    }
    now_ = end;
  }

 private:
  std::deque<Work> inbox_;
  MonotonicTime now_{seconds(1000)};
  Scope scope_;
};

class TestClock final : public Clock {
 public:
  explicit TestClock(const TestLoop& loop) : loop_(loop) {}
  MonotonicTime monotonic() const override { return loop_.now(); }
  Timestamp wall() const override {
    return Timestamp(std::chrono::duration_cast<milliseconds>(loop_.now().time_since_epoch()).count());
  }

 private:
  const TestLoop& loop_;
};

class TestLog final : public GroupLog {
 public:
  Task<Result<Offset>> append(std::span<const CoordinatorRecord> records) override {
    ++appends;
    while (held) co_await released.wait();
    if (failure) co_return fail(*failure, "the log fails");
    const Offset base(static_cast<int64_t>(stored.size()));
    stored.insert(stored.end(), records.begin(), records.end());
    co_return base;
  }
  size_t batch_size_max() const override { return size_max; }
  Task<Result<void>> read_all(GroupLogReader& reader) override {
    while (held) co_await released.wait();
    for (size_t i = 0; i < stored.size(); ++i)
      reader.on_record(Offset(static_cast<int64_t>(i)), kNoProducerId, stored[i].key,
                       stored[i].value ? std::optional<ByteView>(*stored[i].value) : std::nullopt);
    if (failure) co_return fail(*failure, "the log fails");
    co_return Result<void>();
  }
  void release() {
    held = false;
    released.notify_all();
  }

  bool held = false;
  std::optional<Errc> failure;
  WaitList released;
  std::vector<CoordinatorRecord> stored;
  size_t size_max = 1 << 20;
  int appends = 0;
};

struct ShellWorld {
  TestLoop loop;
  TestClock clock{loop};
  TestRandom random{1};
  TestTopics topics;
  TestLog log;
  GroupShell shell{loop, clock, random, topics, log, {}};

  ~ShellWorld() { loop.clear(); }

  template <class T>
  std::shared_ptr<std::optional<T>> start(Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    loop.spawn(run(std::move(task), result));
    loop.settle();
    return result;
  }
  template <class T>
  static Task<void> run(Task<T> task, std::shared_ptr<std::optional<T>> result) {
    result->emplace(co_await std::move(task));
  }
  static Task<bool> finished(Task<void> task) {
    co_await std::move(task);
    co_return true;
  }

  void load() {
    auto loaded = start(shell.load());
    ASSERT_TRUE(loaded->has_value() && (*loaded)->has_value());
  }
  auto committing(int64_t offset, const std::string& metadata = "") {
    requests.emplace_back();
    protocol::OffsetCommitRequest& request = requests.back();
    request.group_id = "g";
    auto& topic = request.topics.emplace_back();
    topic.name = "orders";
    topic.partitions.push_back({0, offset, -1, arena.keep(std::string_view(metadata))});
    return shell.offset_commit({9, "c", "/h"}, request);
  }
  auto commit(int64_t offset, const std::string& metadata = "") { return start(committing(offset, metadata)); }
  auto fetch(bool require_stable) {
    fetches.emplace_back();
    auto& group = fetches.back();
    group.group_id = "g";
    group.topics = {{"orders", Uuid(), {0}}};
    return start(shell.offset_fetch({9, "c", "/h"}, group, require_stable));
  }
  template <class Answer>
  static protocol::ErrorCode commit_error(const Answer& answer) {
    return protocol::error_code((*answer)->message.topics[0].partitions[0].error_code);
  }
  template <class Answer>
  static int64_t offset(const Answer& answer) {
    return (*answer)->message.topics[0].partitions[0].committed_offset;
  }

  Arena arena;
  std::deque<protocol::OffsetCommitRequest> requests;
  std::deque<protocol::OffsetFetchRequest::OffsetFetchRequestGroup> fetches;
};

TEST(GroupShell, AnswersThatItLoadsUntilItHasLoaded) {
  ShellWorld world;
  world.log.held = true;
  auto loaded = world.start(world.shell.load());
  EXPECT_EQ(world.commit_error(world.commit(1)), kCoordinatorLoadInProgress);
  EXPECT_EQ((*world.fetch(false))->message.error_code, error_field(kCoordinatorLoadInProgress));
  const protocol::HeartbeatRequest heartbeat;
  EXPECT_EQ((*world.start(world.shell.heartbeat({4, "c", "/h"}, heartbeat)))->message.error_code, 0);
  EXPECT_EQ(world.shell.list_groups({}).message.error_code, error_field(kCoordinatorLoadInProgress));
  EXPECT_EQ(world.shell.describe_group({6, "c", "/h"}, "g").message.error_code,
            error_field(kCoordinatorLoadInProgress));
  world.log.release();
  world.loop.settle();
  ASSERT_TRUE(loaded->has_value());
  EXPECT_TRUE(world.shell.active());
  EXPECT_EQ(world.commit_error(world.commit(1)), kNone);
}

TEST(GroupShell, NextLeaderFindsWhatWasAcknowledged) {
  ShellWorld world;
  world.load();
  EXPECT_EQ(world.commit_error(world.commit(42)), kNone);
  ShellWorld next;
  next.log.stored = world.log.stored;
  next.load();
  EXPECT_EQ(next.offset(next.fetch(true)), 42);
}

TEST(GroupShell, RequestsDuringAWriteGoOutTogetherWithTheNext) {
  ShellWorld world;
  world.load();
  world.log.held = true;
  const auto first = world.commit(1);
  const auto second = world.commit(2);
  const auto third = world.commit(3);
  EXPECT_FALSE(first->has_value());
  world.log.release();
  world.loop.settle();
  EXPECT_TRUE(first->has_value() && second->has_value() && third->has_value());
  EXPECT_EQ(world.log.appends, 2);
  EXPECT_EQ(world.offset(world.fetch(false)), 3);
}

// Found by the simulator, in which the process died between the decision and the first step of the task that writes.
TEST(GroupShell, MayEndBeforeWhatItDecidedIsWritten) {
  ShellWorld world;
  world.load();
  world.loop.spawn([](auto committing) -> Task<void> { co_await std::move(committing); }(world.committing(1)));
  world.loop.take_step();
  EXPECT_EQ(world.log.appends, 0);
}

TEST(GroupShell, BatchesStayWithinTheirSize) {
  ShellWorld world;
  world.log.size_max = 1;
  world.load();
  world.log.held = true;
  world.commit(1);
  world.commit(2);
  world.commit(3);
  world.log.release();
  world.loop.settle();
  EXPECT_EQ(world.log.appends, 3);
}

TEST(GroupShell, StableFetchWaitsForTheCommitsBeforeIt) {
  ShellWorld world;
  world.load();
  world.commit(1);
  world.log.held = true;
  world.commit(2);
  const auto stable = world.fetch(true);
  EXPECT_FALSE(stable->has_value());
  EXPECT_EQ(world.offset(world.fetch(false)), 1);
  world.log.release();
  world.loop.settle();
  EXPECT_EQ(world.offset(stable), 2);
}

TEST(GroupShell, CommitThatTakesTooLongIsAnsweredAndStillCounts) {
  ShellWorld world;
  world.load();
  world.log.held = true;
  const auto commit = world.commit(7);
  world.loop.advance(milliseconds(4'999));
  EXPECT_FALSE(commit->has_value());
  world.loop.advance(milliseconds(1));
  EXPECT_EQ(world.commit_error(commit), kCoordinatorNotAvailable);
  world.log.release();
  world.loop.settle();
  EXPECT_EQ(world.offset(world.fetch(true)), 7);
}

TEST(GroupShell, RefusalsOfTheLogAreToldInTheWordsOfTheProtocol) {
  for (const auto& [errc, error] :
       {std::pair(Errc::kUnavailable, kNotCoordinator), std::pair(Errc::kIo, kNotCoordinator),
        std::pair(Errc::kNoSpace, kCoordinatorNotAvailable), std::pair(Errc::kTooLarge, kUnknownServerError)}) {
    ShellWorld world;
    world.load();
    world.log.failure = errc;
    EXPECT_EQ(world.commit_error(world.commit(1)), error);
    world.log.failure.reset();
    EXPECT_EQ(world.offset(world.fetch(true)), -1);
    EXPECT_EQ(world.commit_error(world.commit(2)), kNone);
  }
}

TEST(GroupShell, ShutDownAnswersWhoWaitsAndWaitsForTheLog) {
  ShellWorld world;
  world.load();
  world.log.held = true;
  const auto commit = world.commit(1);
  const auto fetch = world.fetch(true);
  auto down = world.start(ShellWorld::finished(world.shell.shut_down()));
  EXPECT_EQ(world.commit_error(commit), kNotCoordinator);
  EXPECT_EQ((*fetch)->message.error_code, error_field(kNotCoordinator));
  EXPECT_EQ(world.commit_error(world.commit(2)), kNotCoordinator);
  EXPECT_FALSE(down->has_value());
  world.log.release();
  world.loop.settle();
  EXPECT_TRUE(down->has_value());
}

TEST(GroupShell, TimersOfTheGroupsRunOnTheLoop) {
  ShellWorld world;
  world.load();
  protocol::JoinGroupRequest request;
  request.group_id = "g";
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  request.protocol_type = "consumer";
  request.protocols.push_back({"range", {}});
  const auto refused = world.start(world.shell.join_group({6, "c", "/h"}, request));
  EXPECT_EQ((*refused)->message.protocol_name, "");  // not null before version 7
  request.member_id = (*refused)->message.member_id;
  const auto joined = world.start(world.shell.join_group({6, "c", "/h"}, request));
  EXPECT_FALSE(joined->has_value());
  world.loop.advance(seconds(3));
  ASSERT_TRUE(joined->has_value());
  EXPECT_EQ((*joined)->message.generation_id, 1);
  world.loop.advance(seconds(10));  // no heartbeat
  EXPECT_EQ(world.shell.describe_group({6, "c", "/h"}, "g").message.group_state, "Empty");
}

TEST(GroupShell, RequestThatIsGivenUpIsForgotten) {
  ShellWorld world;
  world.load();
  world.log.held = true;
  world.commit(1);
  world.loop.clear();  // as when the process stops: nothing is left behind that refers to the shell
  EXPECT_TRUE(world.shell.active());
}

TEST(GroupShell, DamagedLogIsNotLoaded) {
  ShellWorld world;
  world.log.stored.push_back({{0, 1, 0}, ByteVector{0}});
  auto loaded = world.start(world.shell.load());
  ASSERT_TRUE(loaded->has_value());
  EXPECT_EQ((*loaded)->error().code, Errc::kCorrupt);
  EXPECT_FALSE(world.shell.active());
}

TEST(GroupShell, TopicsDeletedWhileItLoadsLoseTheirOffsetsAfterwards) {
  ShellWorld world;
  world.load();
  world.commit(1);
  ShellWorld next;
  next.log.stored = world.log.stored;
  next.log.held = true;
  auto loaded = next.start(next.shell.load());
  const TopicPartition gone[] = {{"orders", 0}};
  next.shell.on_partitions_deleted(gone);
  next.log.release();
  next.loop.settle();
  EXPECT_EQ(next.offset(next.fetch(true)), -1);
}

}  // namespace
}  // namespace weir::broker
