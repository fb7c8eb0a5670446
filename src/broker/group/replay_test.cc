// A restart builds what running had: random workloads, whose log a second coordinator reads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

#include "broker/group/group_invariants.h"
#include "broker/group/group_world.h"

namespace weir::broker {
namespace {

using enum protocol::ErrorCode;

struct Client {
  std::string group;
  std::optional<std::string> instance;
  int16_t version = 9;
  Joined self;
  bool leads = false;
  std::vector<std::string> others;  // what the leader was told
  ReplyToken joining = kNoReply;
  ReplyToken syncing = kNoReply;
};

class Workload {
 public:
  explicit Workload(uint64_t seed)
      : world_({.session_timeout_min_ms = 100, .offsets_retention = seconds(600)}, seed), dice_(seed + 1) {
    world_.hold_appends = true;
    for (int i = 0; i < 12; ++i) {
      Client& client = clients_.emplace_back();
      client.group = "g" + std::to_string(i % 3);
      client.version = static_cast<int16_t>(dice_.below(10));
      if (i % 4 == 0 && client.version >= 5) client.instance = "i" + std::to_string(i % 8);
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      for (Client& client : clients_) hear(client);
      ASSERT_EQ(owners_.check(), std::nullopt);
      ASSERT_EQ(generations_.check(), std::nullopt);
      ASSERT_EQ(offsets_.check(), std::nullopt);
      if (i % 50 == 0) compare();
    }
    compare();
  }

 private:
  // Fed with the outcomes and answers as a client sees them.
  struct Commit {
    std::string group;
    TopicPartition partition;
    int64_t offset;
  };

  void step() {
    Client& client = clients_[dice_.below(clients_.size())];
    switch (dice_.below(14)) {
      case 0:
      case 1:
      case 2:
        return join(client);
      case 3:
      case 4:
        if (client.self.generation >= 0) react(client, world_.heartbeat(client.group, client.self, client.instance));
        return;
      case 5:
        if (dice_.below(4) == 0) leave(client);
        return;
      case 6:
      case 7:
        return commit(client);
      case 8:
        if (dice_.below(8) == 0) delete_group(client.group);
        return;
      case 9:
        return world_.advance(milliseconds(dice_.below(3'000)));
      case 10:
        if (!world_.pending.empty() && dice_.below(3) == 0) world_.fail_one(kCoordinatorNotAvailable);
        return;
      default:
        if (!world_.pending.empty()) world_.commit_one();
    }
  }

  void join(Client& client) {
    if (client.joining != kNoReply || client.syncing != kNoReply) return;
    const ByteVector topics = subscription(dice_.below(2) == 0 ? std::vector<std::string>{"orders"}
                                                               : std::vector<std::string>{"orders", "payments"});
    client.joining = world_.join({.group = client.group,
                                  .member = client.self.id,
                                  .instance = client.instance,
                                  .protocols = {{"range", topics}},
                                  .session_ms = 10'000,
                                  .rebalance_ms = 5'000,
                                  .version = client.version});
  }

  void leave(Client& client) {
    if (client.self.id.empty() || client.joining != kNoReply || client.syncing != kNoReply) return;
    world_.leave(client.group, client.self.id, client.instance);
    client.self = {};
  }

  void commit(Client& client) {
    const bool simple = dice_.below(4) == 0;
    const std::string group = simple ? "simple" : client.group;
    const TopicPartition partition{dice_.below(2) == 0 ? "orders" : "payments", static_cast<int32_t>(dice_.below(4))};
    const int64_t offset = next_offset_++;
    offsets_.on_attempt(group, partition, offset);
    const ReplyToken token = world_.commit(group, simple ? Joined{"", -1} : client.self, partition, offset);
    commits_.emplace(token, Commit{group, partition, offset});
  }

  void delete_group(const std::string& group) { deletions_.emplace(world_.remove(group), group); }

  void react(Client& client, protocol::ErrorCode error) {
    if (error == kUnknownMemberId || error == kFencedInstanceId) client.self = {};
    if (error == kIllegalGeneration) client.self.generation = -1;
  }

  void hear(Client& client) {
    if (client.joining != kNoReply && world_.answered(client.joining)) on_join(client);
    if (client.syncing != kNoReply && world_.answered(client.syncing)) {
      auto answer = world_.synced(std::exchange(client.syncing, kNoReply));
      const auto error = protocol::error_code(answer.message.error_code);
      if (error == kNone)
        owners_.on_assignment(client.group, client.self.generation, client.self.id, answer.message.assignment);
      react(client, error);
    }
    std::erase_if(commits_, [&](const auto& entry) {
      const auto& [token, commit] = entry;
      if (!world_.answered(token)) return false;
      if (world_.commit_error(token) == kNone) offsets_.on_acknowledged(commit.group, commit.partition, commit.offset);
      // Nothing else can have happened since: this client is told at the moment of the commit.
      offsets_.on_fetched(commit.group, commit.partition, world_.fetch(commit.group, commit.partition));
      return true;
    });
    std::erase_if(deletions_, [&](const auto& entry) {
      auto node = world_.replies.extract(entry.first);
      if (node && std::get<protocol::ErrorCode>(node.mapped()) == kNone) forget(entry.second);
      return !node.empty();
    });
  }

  void forget(const std::string& group) {
    generations_.on_reset(group);
    for (const char* topic : {"orders", "payments"}) {
      for (int32_t i = 0; i < 4; ++i) offsets_.on_deleted(group, {topic, i});
    }
  }

  void on_join(Client& client) {
    auto answer = world_.joined(std::exchange(client.joining, kNoReply));
    const auto error = protocol::error_code(answer.message.error_code);
    if (error == kMemberIdRequired) {
      client.self.id = answer.message.member_id;
      return join(client);
    }
    react(client, error);
    if (error != kNone) return;
    client.self = {std::string(answer.message.member_id), answer.message.generation_id};
    generations_.on_generation(client.group, client.self.generation);
    std::map<std::string, ByteVector> assignments;
    int32_t i = 0;
    for (const auto& member : answer.message.members)
      assignments[std::string(member.member_id)] = assignment({{"orders", i++}});
    client.syncing =
        world_.sync(client.group, client.self, answer.message.skip_assignment ? decltype(assignments){} : assignments,
                    client.instance);
  }

  // The log up to now, read by another coordinator: groups at rest and all offsets are the same.
  void compare() {
    const auto second = world_.replayed();
    for (const std::string& id : {"g0", "g1", "g2", "simple"}) {
      const ClassicGroup* running = world_.coordinator.find_group(id);
      const ClassicGroup* read = second->find_group(id);
      if (running != nullptr && read != nullptr) EXPECT_LE(read->generation(), running->generation()) << id;
    }
    if (!world_.pending.empty()) return;
    ASSERT_EQ(offsets_of(world_.coordinator), offsets_of(*second));
    for (const std::string& id : second->group_ids()) {
      const ClassicGroup* running = world_.coordinator.find_group(id);
      ASSERT_NE(running, nullptr) << id;
    }
    if (at_rest()) ASSERT_EQ(digest(world_.coordinator), digest(*second));
  }

  bool at_rest() const {
    return std::ranges::all_of(world_.coordinator.group_ids(), [&](const std::string& id) {
      const ClassicGroup& group = *world_.coordinator.find_group(id);
      if (group.state() == GroupState::kEmpty) return !group.join_timer.armed();  // else it is still to be written
      return group.state() == GroupState::kStable;
    });
  }

  static std::string offsets_of(const GroupCoordinator& coordinator) {
    std::string text;
    std::istringstream lines(digest(coordinator));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("  offset")) text += line + "\n";
    }
    return text;
  }

  GroupWorld world_;
  TestRandom dice_;
  std::vector<Client> clients_;
  std::map<ReplyToken, Commit> commits_;
  std::map<ReplyToken, std::string> deletions_;
  int64_t next_offset_ = 1;
  NoPartitionHasTwoOwners owners_;
  GenerationNeverGoesBack generations_;
  CommittedOffsetIsNeverLost offsets_;
};

TEST(Replay, BuildsWhatRunningHadWhateverHappened) {
  const char* given = std::getenv("WEIR_SEED");
  const uint64_t first = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  const uint64_t last = given == nullptr ? 200 : first;
  for (uint64_t seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("WEIR_SEED=" + std::to_string(seed));
    Workload(seed).run(600);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace weir::broker
