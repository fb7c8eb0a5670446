#include "broker/controller/controller_shell.h"

#include <optional>
#include <string>

#include "broker/controller/controller_fixture.h"
#include "quorum/checkpoint.h"
#include "quorum/format.h"
#include "quorum/no_peers.h"
#include "sim/machine.h"

namespace weir::broker::testing {
namespace {

// A node's controller on a simulated machine; the disk outlives the processes.
class ControllerShellTest : public ::testing::Test {
 protected:
  ControllerShellTest() : fabric(simulation), machine(simulation, fabric, "a") {
    machine.start(2);
    quorum::FormatOptions options;
    options.cluster_id = "cluster";
    options.node_id = NodeId(1);
    options.log_dirs = {"/data"};
    options.metadata_log_dir = "/data";
    options.first_voters = quorum::FormatOptions::FirstVoters::kStandalone;
    options.controller_endpoint = {"CONTROLLER", "127.0.0.1", 9093};
    EXPECT_TRUE(quorum::format_directories(machine.disk(), simulation.random(), machine.clock(), options));
    machine.kill();
  }

  void start() {
    machine.start(2);
    loader = std::make_shared<quorum::MetadataLoader>();
    quorum::RaftOptions options;
    options.node_id = NodeId(1);
    options.metadata_log_dir = "/data";
    raft = std::make_shared<quorum::RaftNode>(options, machine.seams(), machine.loop(0), *loader, peers);
    ControllerOptions settings;
    settings.cluster_id = "cluster";
    auto bootstrap = quorum::read_bootstrap_records(machine.disk(), "/data");
    shell = std::make_shared<ControllerShell>(machine.loop(0), machine.seams(), *raft, *loader,
                                              Controller(settings, rules, random), std::move(bootstrap).value());
    machine.keep(loader);
    machine.keep(raft);
    machine.keep(shell);
    run([this]() -> Task<void> { EXPECT_TRUE(co_await raft->start(*shell)); }, 0);
  }
  void end(bool clean) {
    if (clean) {
      run([this]() -> Task<void> { EXPECT_TRUE(co_await raft->stop()); }, 0);
    }
    shell.reset();
    raft.reset();
    loader.reset();
    clean ? machine.kill() : machine.power_off();
  }

  // Runs a task on a loop to its end.
  template <class Function>
  void run(Function function, size_t loop) {
    bool done = false;
    machine.loop(loop).run_inside([&] {
      machine.loop(loop).spawn([](Function task, bool& flag) -> Task<void> {
        co_await task();
        flag = true;
      }(function, done));
    });
    simulation.run_until([&] { return done; }, seconds(30));
    ASSERT_TRUE(done);
  }
  // From another loop than the controller's, as the broker's shards do.
  template <class Request>
  std::optional<Result<Reply<typename Request::Response>>> ask(Request request) {
    std::optional<Result<Reply<typename Request::Response>>> reply;
    run([&]() -> Task<void> { reply = co_await shell->submit(request, Request::kMaxVersion); }, 1);
    return reply;
  }
  int16_t create(std::string_view name, int32_t partitions = 2) {
    protocol::CreateTopicsRequest request;
    request.topics.push_back({name, partitions, 1, {}, {}});
    const auto reply = ask(request);
    return (*reply)->response.topics.at(0).error_code;
  }
  // A connection to the broker has broken.
  void suspect_broker() {
    run(
        [this]() -> Task<void> {
          shell->suspect(NodeId(1));
          co_return;
        },
        0);
  }
  int64_t register_broker() {
    protocol::BrokerRegistrationRequest request;
    request.broker_id = 1;
    request.cluster_id = "cluster";
    request.incarnation_id = Uuid::random(random);
    request.rack.reset();
    request.features.push_back({quorum::kMetadataVersionFeature, 7, 30});
    for (const auto& feature : quorum::features()) {
      request.features.push_back({feature.name, feature.supported.min, feature.supported.max});
    }
    request.listeners.push_back({"PLAINTEXT", "127.0.0.1", 9092, 0});
    request.log_dirs = {Uuid(5, 1000)};
    const auto registered = ask(request);
    protocol::BrokerHeartbeatRequest heartbeat;
    heartbeat.broker_id = 1;
    heartbeat.broker_epoch = (*registered)->response.broker_epoch;
    heartbeat.current_metadata_offset = loader->image()->provenance.last_offset.value();
    EXPECT_FALSE((*ask(heartbeat))->response.is_fenced);
    return heartbeat.broker_epoch;
  }

  sim::Simulation simulation{1};
  sim::Fabric fabric;
  FixedRules rules;
  SeededRandom random;
  sim::Machine machine;
  std::shared_ptr<quorum::MetadataLoader> loader;
  quorum::NoPeers peers;
  std::shared_ptr<quorum::RaftNode> raft;
  std::shared_ptr<ControllerShell> shell;
};

TEST_F(ControllerShellTest, AnswerComesWhenTheRecordsAreCommitted) {
  start();
  register_broker();
  EXPECT_EQ(create("t"), 0);
  ASSERT_NE(loader->image()->topic("t"), nullptr);
  EXPECT_TRUE(loader->image()->same_content(shell->controller().image()));
  end(true);
}

TEST_F(ControllerShellTest, CommittedTopicsSurvivePowerLossAndTheBrokerComesBack) {
  start();
  register_broker();
  EXPECT_EQ(create("t"), 0);
  end(false);
  start();
  ASSERT_NE(loader->image()->topic("t"), nullptr);
  simulation.run_for(seconds(10));  // the former incarnation's session
  register_broker();
  const auto& partition = *loader->image()->topic("t")->partition(PartitionIndex(0));
  EXPECT_EQ(partition.leader, NodeId(1));
  EXPECT_EQ(partition.leader_epoch, LeaderEpoch(2));
  end(true);
}

TEST_F(ControllerShellTest, BrokerThatNobodyListensForIsFencedAtOnce) {
  start();
  register_broker();
  EXPECT_EQ(create("t"), 0);
  const auto is_fenced = [this] { return loader->image()->broker(NodeId(1))->fenced; };
  suspect_broker();
  ASSERT_TRUE(simulation.run_until(is_fenced, seconds(2)));
  EXPECT_EQ(loader->image()->topic("t")->partition(PartitionIndex(0))->leader, kNoNode);
  end(true);
}

// With all its partitions in one batch, a broker that held too many for one could never be fenced.
TEST_F(ControllerShellTest, BrokerOfMorePartitionsThanABatchHoldsIsFencedInSeveral) {
  start();
  register_broker();
  constexpr int32_t kPartitions = 9'000;
  for (const std::string_view topic : {"t", "u"}) EXPECT_EQ(create(topic, kPartitions), 0);
  const Offset before = raft->end_offset();
  const auto is_fenced = [this] { return loader->image()->broker(NodeId(1))->fenced; };
  suspect_broker();
  ASSERT_TRUE(simulation.run_until(is_fenced, seconds(2)));
  for (const std::string_view topic : {"t", "u"}) {
    for (const auto& partition : loader->image()->topic(topic)->partitions) EXPECT_EQ(partition->leader, kNoNode);
  }
  EXPECT_TRUE(loader->image()->same_content(shell->controller().image()));
  EXPECT_EQ(shell->controller().image().provenance.last_offset + 1, raft->end_offset());
  std::vector<int64_t> batches;
  ASSERT_TRUE(raft->log().read(before, raft->end_offset(), [&](const protocol::RecordBatch& batch) -> Result<> {
    if (batch.record_count() > 1) batches.push_back(batch.record_count());
    return {};
  }));
  EXPECT_EQ(batches, (std::vector<int64_t>{kRecordsPerBatchMax, 2 * kPartitions + 1 - kRecordsPerBatchMax}));
  end(true);
}

TEST_F(ControllerShellTest, BrokerThatListensKeepsItsSession) {
  start();
  register_broker();
  std::unique_ptr<Listener> listener;
  run(
      [&]() -> Task<void> {
        listener = *machine.seams().network.listen(machine.loop(0), {"127.0.0.1", 9092});
        shell->suspect(NodeId(1));
        co_return;
      },
      0);
  simulation.run_for(seconds(5));
  EXPECT_FALSE(loader->image()->broker(NodeId(1))->fenced);
  listener.reset();
  end(true);
}

// As one whose address this node must not reach: its heartbeats are believed.
TEST_F(ControllerShellTest, BrokerThatGoesOnIsNotSuspectedAgain) {
  start();
  const int64_t epoch = register_broker();
  const auto suspect = [this]() -> Task<void> {
    shell->suspect(NodeId(1));
    co_return;
  };
  const auto is_fenced = [this] { return loader->image()->broker(NodeId(1))->fenced; };
  run(suspect, 0);
  ASSERT_TRUE(simulation.run_until(is_fenced, seconds(2)));
  protocol::BrokerHeartbeatRequest heartbeat;
  heartbeat.broker_id = 1;
  heartbeat.broker_epoch = epoch;
  heartbeat.current_metadata_offset = loader->image()->provenance.last_offset.value();
  EXPECT_FALSE((*ask(heartbeat))->response.is_fenced);
  run(suspect, 0);
  simulation.run_for(seconds(5));
  EXPECT_FALSE(is_fenced());
  end(true);
}

TEST_F(ControllerShellTest, IdleControllerAppendsNoOps) {
  start();
  const Offset before = raft->end_offset();
  simulation.run_for(milliseconds(10100));
  EXPECT_EQ(raft->end_offset() - before, 20);
  EXPECT_EQ(loader->image()->provenance.last_offset + 1, raft->end_offset());
  end(true);
}

TEST_F(ControllerShellTest, BrokerThatFallsSilentIsFenced) {
  start();
  register_broker();
  simulation.run_for(seconds(8));
  EXPECT_FALSE(loader->image()->broker(NodeId(1))->fenced);
  simulation.run_for(seconds(2));
  EXPECT_TRUE(loader->image()->broker(NodeId(1))->fenced);
  end(true);
}

TEST_F(ControllerShellTest, StoppedControllerIsNotTheController) {
  start();
  run([this]() -> Task<void> { EXPECT_TRUE(co_await raft->stop()); }, 0);
  const auto reply = ask(protocol::UnregisterBrokerRequest{.broker_id = 1});
  EXPECT_EQ(reply->error().code, Errc::kUnavailable);
  end(false);
}

}  // namespace
}  // namespace weir::broker::testing
