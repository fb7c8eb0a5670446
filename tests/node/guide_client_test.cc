// The example of docs/guide/client.md, as it stands there, against a whole node.
#include <gtest/gtest.h>

#include "node/guide_client_example.h"
#include "node/running_node.h"
#include "weir/admin.h"

namespace weir {
namespace {

// The page names Kafka's usual address; the test's node has a port of its own.
class NodeAtUsualAddress final : public Network {
 public:
  NodeAtUsualAddress(Network& network, Endpoint node) : network_(network), node_(std::move(node)) {}
  Result<std::unique_ptr<Listener>> listen(Loop& loop, const Endpoint& endpoint) override {
    return network_.listen(loop, endpoint);
  }
  Task<Result<std::unique_ptr<Connection>>> connect(Loop& loop, Endpoint endpoint, MonotonicTime deadline) override {
    return network_.connect(loop, endpoint == Endpoint{"127.0.0.1", 9092} ? node_ : endpoint, deadline);
  }

 private:
  Network& network_;
  Endpoint node_;
};

Task<Result<Offset>> greet_and_look(const Seams& seams, Loop& loop) {
  CO_TRY(co_await greet(seams, loop));
  client::Admin admin(client::Client(seams, loop, {.bootstrap = {{"127.0.0.1", 9092}}}));
  CO_TRY_ASSIGN(const auto committed, co_await admin.committed_offsets("readers"));
  const auto found = committed.find({"greetings", PartitionIndex(0)});
  if (found == committed.end()) co_return fail(Errc::kNotFound, "the group has read nothing");
  co_return found->second.offset;
}

TEST(GuideClient, TheExampleSendsARecordAndReadsItAsAGroup) {
  RunningNode node;
  SystemClock clock;
  SystemRandom random;
  PosixDisk disk;
  SystemDiskThreads disk_threads{1};
  PosixNetwork network{disk_threads};
  NodeAtUsualAddress redirected{network, node.address()};
  const Seams seams{clock, random, disk, disk_threads, redirected};
  LoopThreads loops{1, clock};
  Loop& loop = *loops.loops().front();
  std::promise<Result<Offset>> done;
  const auto run = [](const Seams& all, Loop& home, std::promise<Result<Offset>>& into) -> Task<void> {
    into.set_value(co_await greet_and_look(all, home));
  };
  loop.post([&] { loop.spawn(run(seams, loop, done)); });
  const Result<Offset> committed = done.get_future().get();
  loops.join();
  disk_threads.finish();
  loops.clear();
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(*committed, Offset(1));
}

}  // namespace
}  // namespace weir
