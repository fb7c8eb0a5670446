#include "quorum/raft_node.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "base/real/posix_disk.h"
#include "quorum/format.h"
#include "quorum/no_peers.h"
#include "sim/machine.h"

namespace weir::quorum {
namespace {

const std::string kDir = "/data";
const std::string kLogDir = "/data/__cluster_metadata-0";

class Leadership : public LeadershipListener {
 public:
  void on_leader(LeaderEpoch epoch) override { epochs.push_back(epoch); }
  void on_no_longer_leader() override { ++losses; }
  std::vector<LeaderEpoch> epochs;
  int losses = 0;
};

// One node on one machine: its disk outlives its processes.
class World {
 public:
  explicit World(uint64_t seed) : simulation(seed), fabric(simulation), machine(simulation, fabric, "a") {}

  FormatOptions format_options() {
    FormatOptions options;
    options.cluster_id = "4L6g3nShT-eMCtK--X86sw";
    options.node_id = NodeId(1);
    options.log_dirs = {kDir};
    options.metadata_log_dir = kDir;
    options.first_voters = FormatOptions::FirstVoters::kStandalone;
    options.controller_endpoint = endpoint;
    return options;
  }
  void format() {
    machine.start(1);
    const auto formatted = format_directories(machine.disk(), simulation.random(), machine.clock(), format_options());
    ASSERT_TRUE(formatted) << formatted.error().message;
    machine.kill();
  }

  // A process with a node of these options; false, with `error`, when it does not start.
  bool start(RaftOptions options = {}) {
    options.node_id = NodeId(1);
    options.metadata_log_dir = kDir;
    options.listener_name = endpoint.listener;
    options.endpoints = {endpoint};
    options.on_failure = [this](const Error& failure) { error = failure; };
    machine.start(1);
    leadership = Leadership();
    error.reset();
    started = false;
    loader = std::make_shared<MetadataLoader>();
    node = std::make_shared<RaftNode>(std::move(options), machine.seams(), machine.loop(0), *loader, peers);
    machine.keep(loader);
    machine.keep(node);
    spawn([](World& world) -> Task<void> {
      const auto result = co_await world.node->start(world.leadership);
      if (!result) world.error = result.error();
      world.started = true;
    });
    simulation.run_until([this] { return started || machine.dying(); }, seconds(60));
    return started && !error;
  }
  void stop() {
    bool done = false;
    machine.loop(0).run_inside([&] {
      machine.loop(0).spawn([](RaftNode& raft, bool& flag) -> Task<void> {
        EXPECT_TRUE(co_await raft.stop());
        flag = true;
      }(*node, done));
    });
    simulation.run_until([&] { return done; }, seconds(60));
    end([this] { machine.kill(); });
  }
  void end(const std::function<void()>& death) {
    node.reset();
    loader.reset();
    death();
  }

  // Makes a topic and waits until that is committed; counts it then.
  Task<void> make_topic(int number) {
    MetadataRecords records(kLatestMetadataVersion);
    const std::string name = fmt::format("topic-{}", number);
    records.add(protocol::TopicRecord{.name = name, .topic_id = Uuid(1, static_cast<uint64_t>(number) + 1000)});
    const auto appended = node->append(records);
    if (!appended) {
      error = appended.error();
      co_return;
    }
    const auto committed = co_await node->committed(*appended);
    if (committed) {
      EXPECT_NE(loader->image()->topic(name), nullptr) << "committed means loaded";
      acknowledged.push_back(name);
    }
  }
  void make_topics(int from, int to) {
    machine.loop(0).run_inside([&] {
      for (int i = from; i < to; ++i) machine.loop(0).spawn(make_topic(i));
    });
    const size_t wanted = acknowledged.size() + static_cast<size_t>(to - from);
    simulation.run_until([&] { return acknowledged.size() == wanted || machine.dying() || error; }, seconds(60));
  }
  void spawn(Task<void> (*task)(World&)) {
    machine.loop(0).run_inside([&] { machine.loop(0).spawn(task(*this)); });
  }

  std::vector<std::string> files() {
    std::vector<std::string> names;
    const auto listed = machine.disk().list(kLogDir);
    for (const auto& file : *listed) names.push_back(file.name);
    std::ranges::sort(names);
    return names;
  }

  // What the node answers to another one.
  template <class Request>
  protocol::Reply<typename Request::Response> ask(const Request& request) {
    std::optional<protocol::Reply<typename Request::Response>> reply;
    machine.loop(0).run_inside([&] {
      machine.loop(0).spawn([](RaftNode& raft, const Request& asked, auto& answer) -> Task<void> {
        answer.emplace(co_await raft.handle(asked, Request::kMaxStableVersion));
      }(*node, request, reply));
    });
    simulation.run_until([&] { return reply.has_value(); }, seconds(60));
    return *std::move(reply);
  }

  sim::Simulation simulation;
  sim::Fabric fabric;
  sim::Machine machine;
  Leadership leadership;
  NoPeers peers;
  VoterEndpoint endpoint{"CONTROLLER", "127.0.0.1", 9093};
  std::shared_ptr<MetadataLoader> loader;
  std::shared_ptr<RaftNode> node;
  std::optional<Error> error;
  bool started = false;
  std::vector<std::string> acknowledged;
};

void copy_directory(Disk& source, const std::string& from, Disk& target, const std::string& to) {
  ASSERT_TRUE(target.create_directories(to));
  for (const FileInfo& file : source.list(from).value()) {
    if (file.is_directory) {
      copy_directory(source, from + "/" + file.name, target, to + "/" + file.name);
      continue;
    }
    const auto content = source.read_file(from + "/" + file.name);
    ASSERT_TRUE(content);
    auto copy = target.open(to + "/" + file.name, OpenMode::kCreate);
    ASSERT_TRUE(copy);
    ASSERT_TRUE((*copy)->write_at(0, as_bytes(*content)));
  }
}

TEST(RaftNode, FormattedDirectoryIsLedInEpochOne) {
  World world(1);
  world.format();
  ASSERT_TRUE(world.start()) << world.error->message;
  EXPECT_EQ(world.leadership.epochs, std::vector{LeaderEpoch(1)});
  // LEADER_CHANGE, and what only the 0-0 checkpoint said: KRAFT_VERSION and KRAFT_VOTERS.
  EXPECT_EQ(world.node->end_offset(), Offset(3));
  EXPECT_EQ(world.node->high_watermark(), Offset(3));
  const QuorumInfo info = world.node->describe();
  EXPECT_EQ(info.leader, NodeId(1));
  ASSERT_EQ(info.voters.size(), 1U);
  EXPECT_EQ(info.voter_set.voters().at(NodeId(1)).endpoints[0].port, 9093);
  world.stop();
}

TEST(RaftNode, VotersAreInTheLogOnlyOnce) {
  World world(2);
  world.format();
  ASSERT_TRUE(world.start());
  world.stop();
  ASSERT_TRUE(world.start());
  EXPECT_EQ(world.node->epoch(), LeaderEpoch(2));
  EXPECT_EQ(world.node->end_offset(), Offset(4));
  world.stop();
}

// Where it is reached by now is in the log before anybody else could ask.
TEST(RaftNode, LeaderThatMovedTellsTheLogItsNewEndpoint) {
  World world(14);
  world.format();
  ASSERT_TRUE(world.start());
  world.stop();
  world.endpoint.port = 19093;
  ASSERT_TRUE(world.start());
  // LEADER_CHANGE, then as at first KRAFT_VERSION and KRAFT_VOTERS.
  EXPECT_EQ(world.node->end_offset(), Offset(6));
  EXPECT_EQ(world.node->describe().voter_set.voters().at(NodeId(1)).endpoints[0].port, 19093);
  world.stop();
}

TEST(RaftNode, ChangesOfTheVotersThatCannotBeAreRefusedAsInKafka) {
  using protocol::ErrorCode;
  World world(15);
  world.format();
  ASSERT_TRUE(world.start());
  const auto outcome = [](const auto& reply) { return protocol::error_code(reply.response.error_code); };
  protocol::AddRaftVoterRequest add;
  add.cluster_id = "another";
  add.voter_id = 2;
  add.voter_directory_id = Uuid(1, 2);
  auto refused = world.ask(add);
  EXPECT_EQ(outcome(refused), ErrorCode::kInconsistentClusterId);
  EXPECT_EQ(refused.response.error_message,
            "The given id \"another\" doesn't match the cluster id \"4L6g3nShT-eMCtK--X86sw\"");
  add.cluster_id = std::nullopt;
  refused = world.ask(add);
  EXPECT_EQ(outcome(refused), ErrorCode::kInvalidRequest) << "it has no listener";
  add.listeners.push_back({"CONTROLLER", "127.0.0.1", 29093});
  EXPECT_EQ(outcome(world.ask(add)), ErrorCode::kRequestTimedOut) << "nobody answers there";
  add.voter_id = 1;
  EXPECT_EQ(outcome(world.ask(add)), ErrorCode::kDuplicateVoter);
  add.voter_directory_id = {};
  EXPECT_EQ(outcome(world.ask(add)), ErrorCode::kInvalidRequest) << "it names no directory";

  protocol::RemoveRaftVoterRequest remove;
  remove.cluster_id = std::nullopt;
  remove.voter_id = 1;
  EXPECT_EQ(outcome(world.ask(remove)), ErrorCode::kInvalidRequest) << "it names no directory";
  remove.voter_directory_id = world.node->describe().voters[0].key.directory_id;
  EXPECT_EQ(outcome(world.ask(remove)), ErrorCode::kVoterNotFound) << "the only one stays";

  protocol::UpdateRaftVoterRequest update;
  update.cluster_id = std::nullopt;
  update.current_leader_epoch = world.node->epoch().value();
  update.voter_id = 1;
  update.voter_directory_id = Uuid(1, 2);
  update.listeners.push_back({"CONTROLLER", "127.0.0.1", 39093});
  update.kraft_version_feature = {0, 1};
  EXPECT_EQ(outcome(world.ask(update)), ErrorCode::kVoterNotFound) << "another disk is another voter";
  update.kraft_version_feature = {0, 0};
  EXPECT_EQ(outcome(world.ask(update)), ErrorCode::kInvalidRequest) << "it cannot follow a log that names voters";
  --update.current_leader_epoch;
  EXPECT_EQ(outcome(world.ask(update)), ErrorCode::kFencedLeaderEpoch);
  EXPECT_EQ(world.node->end_offset(), Offset(3)) << "nothing was appended";
  world.stop();
}

TEST(RaftNode, UnformattedDirectoryIsNotFound) {
  World world(3);
  EXPECT_FALSE(world.start());
  EXPECT_EQ(world.error->code, Errc::kNotFound);
  world.end([&] { world.machine.kill(); });
}

TEST(RaftNode, RestartRebuildsTheSameImage) {
  World world(4);
  world.format();
  ASSERT_TRUE(world.start());
  world.make_topics(0, 50);
  ASSERT_EQ(world.acknowledged.size(), 50U);
  const MetadataImage before = *world.loader->image();
  world.stop();
  ASSERT_TRUE(world.start());
  EXPECT_TRUE(world.loader->image()->same_content(before));
  EXPECT_EQ(world.leadership.epochs, std::vector{LeaderEpoch(2)});
  world.stop();
}

TEST(RaftNode, StaticVotersNeedNoCheckpoint) {
  World world(5);
  world.machine.start(1);
  FormatOptions options = world.format_options();
  options.first_voters = FormatOptions::FirstVoters::kUnsaid;
  options.has_static_voters = true;
  ASSERT_TRUE(format_directories(world.machine.disk(), world.simulation.random(), world.machine.clock(), options));
  world.machine.kill();
  RaftOptions raft;
  raft.static_voters = VoterSet::parse_static("1@127.0.0.1:9093", "CONTROLLER").value();
  ASSERT_TRUE(world.start(raft));
  EXPECT_EQ(world.node->end_offset(), Offset(1)) << "LEADER_CHANGE alone";
  const auto state = world.machine.disk().read_file(kLogDir + "/quorum-state");
  EXPECT_EQ(state.value(), R"({"clusterId":"","leaderId":1,"leaderEpoch":1,"votedId":-1,"appliedOffset":0,)"
                           R"("currentVoters":[{"voterId":1}],"data_version":0})");
  protocol::RemoveRaftVoterRequest remove;
  remove.cluster_id = std::nullopt;
  remove.voter_id = 1;
  remove.voter_directory_id = Uuid(1, 2);
  const auto refused = world.ask(remove);
  EXPECT_EQ(protocol::error_code(refused.response.error_code), protocol::ErrorCode::kUnsupportedVersion);
  EXPECT_EQ(refused.response.error_message,
            "Cluster doesn't support removing voter because the kraft.version feature is 0");
  world.stop();
}

TEST(RaftNode, AcknowledgedRecordsSurvivePowerLoss) {
  for (uint64_t seed = 100; seed < 160; ++seed) {
    World world(seed);
    world.format();
    int next = 0;
    for (int life = 0; life < 4; ++life) {
      if (!world.start()) {
        ASSERT_TRUE(world.machine.dying()) << seed << ": " << world.error->message;
      } else {
        for (const std::string& name : world.acknowledged) {
          ASSERT_NE(world.loader->image()->topic(name), nullptr) << seed << ": " << name << " is lost";
        }
        world.machine.die_at_operation(1 + world.simulation.random().below(60), sim::Death::kPowerLoss);
        for (int round = 0; round < 10 && !world.machine.dying(); ++round, next += 5) world.make_topics(next, next + 5);
      }
      world.end([&] { world.machine.dying() ? world.machine.bury() : world.machine.power_off(); });
    }
    ASSERT_TRUE(world.start()) << seed << ": " << world.error->message;
    for (const std::string& name : world.acknowledged) {
      ASSERT_NE(world.loader->image()->topic(name), nullptr) << seed << ": " << name << " is lost";
    }
    world.stop();
  }
}

TEST(RaftNode, SnapshotsReplaceTheLogBehindThem) {
  World world(6);
  world.format();
  RaftOptions options;
  options.snapshot_after_bytes = 2000;
  options.retention_bytes = 1;
  options.log.segment_bytes = 4000;
  ASSERT_TRUE(world.start(options));
  for (int i = 0; i < 200; i += 10) world.make_topics(i, i + 10);
  const MetadataImage before = *world.loader->image();
  world.simulation.run_for(seconds(5));
  world.stop();
  size_t snapshots = 0;
  for (const std::string& name : world.files()) {
    snapshots += parse_checkpoint_name(name).has_value() ? 1 : 0;
    EXPECT_NE(name, "00000000000000000000.log") << "it lies below the snapshot";
    EXPECT_FALSE(name.ends_with(kPartSuffix) || name.ends_with(kDeletedSuffix)) << name;
  }
  EXPECT_EQ(snapshots, 1U);
  ASSERT_TRUE(world.start(options)) << world.error->message;
  EXPECT_TRUE(world.loader->image()->same_content(before));
  EXPECT_EQ(world.node->describe().voter_set.size(), 1U) << "the snapshot names the voters too";
  world.stop();
}

TEST(RaftNode, SnapshotIsTakenAfterAWhileToo) {
  World world(7);
  world.format();
  ASSERT_TRUE(world.start());
  world.make_topics(0, 3);
  world.simulation.run_for(std::chrono::minutes(61));
  const auto names = world.files();
  EXPECT_NE(std::ranges::find(names, "00000000000000000006-0000000001.checkpoint"), names.end());
  world.stop();
}

TEST(RaftNode, FullDiskRefusesAppendsUntilThereIsRoom) {
  World world(8);
  world.format();
  ASSERT_TRUE(world.start());
  world.machine.disk().conditions().capacity = world.machine.disk().used();
  int next = 0;
  while (!world.error && next < 1000) {  // what is left of the last page fills up first
    world.make_topics(next, next + 1);
    ++next;
  }
  ASSERT_TRUE(world.error);
  EXPECT_EQ(world.error->code, Errc::kNoSpace);
  const size_t before = world.acknowledged.size();
  EXPECT_TRUE(world.node->is_leader());
  world.machine.disk().conditions().capacity = uint64_t{1} << 30;
  world.error.reset();
  world.make_topics(next, next + 1);
  EXPECT_EQ(world.acknowledged.size(), before + 1);
  world.stop();
}

TEST(RaftNode, FailedFlushStopsTheNode) {
  World world(9);
  world.format();
  ASSERT_TRUE(world.start());
  world.machine.disk().conditions().sync_error_percent = 100;
  world.make_topics(0, 1);
  ASSERT_TRUE(world.error);
  EXPECT_EQ(world.error->code, Errc::kIo);
  EXPECT_TRUE(world.acknowledged.empty());
  EXPECT_EQ(world.leadership.losses, 1);
  world.end([&] { world.machine.kill(); });
}

TEST(RaftNode, OpensADirectoryOfKafkaWithItsSnapshots) {
  World world(10);
  PosixDisk disk;
  copy_directory(disk, std::string(WEIR_GOLDEN_DIR) + "/data-solo", world.machine.disk(), kDir);
  RaftOptions options;
  options.static_voters = VoterSet::parse_static("1@127.0.0.1:9093", "CONTROLLER").value();
  ASSERT_TRUE(world.start(options)) << world.error->message;
  EXPECT_EQ(world.node->epoch(), LeaderEpoch(2));
  const MetadataImage& image = *world.loader->image();
  EXPECT_EQ(image.metadata_version(), kLatestMetadataVersion);
  for (const char* topic : {"none", "gzip", "snappy", "lz4", "zstd", "compact", "txn", "__consumer_offsets"}) {
    EXPECT_NE(image.topic(topic), nullptr) << topic;
  }
  EXPECT_EQ(image.scram_credentials.empty(), false);
  EXPECT_FALSE(image.acls.empty());
  EXPECT_FALSE(image.client_quotas.empty());
  ASSERT_NE(image.broker(NodeId(1)), nullptr);
  world.stop();
}

TEST(RaftNode, ReplaysKafkasLogToWhatItsSnapshotSays) {
  // The same metadata, once from the log alone and once from the newest snapshot.
  World world(11);
  PosixDisk disk;
  copy_directory(disk, std::string(WEIR_GOLDEN_DIR) + "/data-solo", world.machine.disk(), kDir);
  RaftOptions options;
  options.static_voters = VoterSet::parse_static("1@127.0.0.1:9093", "CONTROLLER").value();
  ASSERT_TRUE(world.start(options)) << world.error->message;
  const MetadataImage from_snapshot = *world.loader->image();
  world.stop();
  for (const std::string& name : world.files()) {
    if (parse_checkpoint_name(name)) {
      ASSERT_TRUE(world.machine.disk().remove(kLogDir + "/" + name));
    }
  }
  ASSERT_TRUE(world.start(options)) << world.error->message;
  EXPECT_TRUE(world.loader->image()->same_content(from_snapshot));
  world.stop();
}

TEST(RaftNode, VoterOfAQuorumThatIsAloneDisturbsNobody) {
  World world(12);
  PosixDisk disk;
  copy_directory(disk, std::string(WEIR_GOLDEN_DIR) + "/data-voters", world.machine.disk(), kDir);
  ASSERT_TRUE(world.start()) << world.error->message;
  const LeaderEpoch epoch = world.node->epoch();
  const Offset end = world.node->end_offset();
  world.simulation.run_for(seconds(30));
  EXPECT_FALSE(world.node->is_leader());
  EXPECT_EQ(world.node->epoch(), epoch) << "without pre-votes of others it begins no epoch";
  EXPECT_EQ(world.node->end_offset(), end);
  world.stop();
}

}  // namespace
}  // namespace weir::quorum
