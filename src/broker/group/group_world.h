// GroupWorld: a coordinator with a log, a clock and dice of its own, for tests. It plays the shell's part: it takes the
// effects and commits, fails or holds back what was decided.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/group_coordinator.h"

namespace weir::broker {

class TestRandom final : public Random {
 public:
  explicit TestRandom(uint64_t seed) : state_(seed) {}
  uint64_t next() override {  // splitmix64
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 private:
  uint64_t state_;
};

class TestTopics final : public TopicCatalog {
 public:
  std::map<std::string, std::pair<Uuid, int32_t>, std::less<>> topics{
      {"orders", {Uuid(1, 10), 4}}, {"payments", {Uuid(1, 20), 4}}, {"audit", {Uuid(1, 30), 1}}};

  std::optional<std::string> name_of(const Uuid& id) const override {
    for (const auto& [name, topic] : topics) {
      if (topic.first == id) return name;
    }
    return std::nullopt;
  }
  Uuid id_of(std::string_view name) const override {
    const auto it = topics.find(name);
    return it == topics.end() ? Uuid() : it->second.first;
  }
  bool has_partition(std::string_view name, int32_t partition) const override {
    const auto it = topics.find(name);
    return it != topics.end() && partition >= 0 && partition < it->second.second;
  }
  int32_t partition_count(const Uuid& id) const override {
    const auto name = name_of(id);
    return name ? topics.find(*name)->second.second : 0;
  }
  std::optional<TopicDescription> describe(std::string_view name) const override {
    const auto it = topics.find(name);
    if (it == topics.end()) return std::nullopt;
    return TopicDescription{it->second.first, std::vector<std::vector<std::string_view>>(it->second.second)};
  }
  void for_each_topic(const std::function<void(std::string_view)>& visit) const override {
    for (const auto& [name, topic] : topics) visit(name);
  }
  int64_t version() const override { return metadata_version; }
  int32_t group_setting(std::string_view, std::string_view key) const override { return settings.find(key)->second; }

  std::map<std::string, int32_t, std::less<>> settings{{"consumer.session.timeout.ms", 45'000},
                                                       {"consumer.heartbeat.interval.ms", 5000},
                                                       {"consumer.assignment.interval.ms", 0}};
  int64_t metadata_version = 1;
};

// A JoinGroup in the making; the strings live here.
struct Join {
  std::string group = "g";
  std::string member;
  std::optional<std::string> instance;
  std::vector<GroupProtocol> protocols = {{"range", {}}};
  std::string type = "consumer";
  int32_t session_ms = 10'000;
  int32_t rebalance_ms = 60'000;
  int16_t version = 9;
  std::string client = "client";
};

// Who has been through JoinGroup.
struct Joined {
  std::string id;
  int32_t generation = -1;
};

class GroupWorld {
 public:
  explicit GroupWorld(GroupConfig config = {}, uint64_t seed = 1);

  ReplyToken join(const Join& join);
  ReplyToken sync(const std::string& group, const Joined& member, std::map<std::string, ByteVector> assignments = {},
                  std::optional<std::string> instance = std::nullopt);
  protocol::ErrorCode heartbeat(const std::string& group, const Joined& member,
                                std::optional<std::string> instance = std::nullopt);
  ReplyToken leave(const std::string& group, const std::string& member,
                   std::optional<std::string> instance = std::nullopt);
  ReplyToken commit(const std::string& group, const Joined& member, const TopicPartition& partition, int64_t offset,
                    const std::string& metadata = "", int16_t version = 9, int64_t retention_ms = -1);
  ReplyToken remove(const std::string& group);
  // -1 when nothing is committed.
  int64_t fetch(const std::string& group, const TopicPartition& partition) const;
  std::string state(const std::string& group) const;

  // The answer to a request, which must be there; `of` takes it away.
  [[nodiscard]] bool answered(ReplyToken token) const { return replies.contains(token); }
  template <class Response>
  Owned<Response> of(ReplyToken token) {
    auto node = replies.extract(token);
    CHECK(node, "request {} has no answer", token);
    return std::get<Owned<Response>>(std::move(node.mapped()));
  }
  Owned<protocol::JoinGroupResponse> joined(ReplyToken token) { return of<protocol::JoinGroupResponse>(token); }
  Owned<protocol::SyncGroupResponse> synced(ReplyToken token) { return of<protocol::SyncGroupResponse>(token); }
  protocol::ErrorCode join_error(ReplyToken token) { return protocol::error_code(joined(token).message.error_code); }
  protocol::ErrorCode sync_error(ReplyToken token) { return protocol::error_code(synced(token).message.error_code); }
  // The first partition's.
  protocol::ErrorCode commit_error(ReplyToken token);

  // A member that asks, is told its id, and asks again; then whatever the group does.
  ReplyToken join_twice(Join join);
  // A stable group of `count` members, the leader first; assignments are the members' numbers.
  std::vector<Joined> stable_group(const std::string& group, size_t count,
                                   std::vector<GroupProtocol> protocols = {{"range", {}}});

  // Lets time pass; timers fire in their order.
  void advance(milliseconds by);
  void take_effects();
  // What was decided and not concluded yet, oldest first.
  void commit_one();
  void fail_one(protocol::ErrorCode error);
  void commit_all();

  struct LogRecord {
    int64_t offset;
    CoordinatorRecord record;
  };
  // A second coordinator that has read the log.
  std::unique_ptr<GroupCoordinator> replayed() const;

  GroupConfig config;
  TestRandom random;
  TestTopics topics;
  GroupCoordinator coordinator;
  GroupTime now{MonotonicTime(seconds(1000)), Timestamp(1'700'000'000'000)};
  bool hold_appends = false;
  std::deque<Append> pending;
  std::vector<LogRecord> log;
  std::map<ReplyToken, GroupReply> replies;

 private:
  GroupRequestContext context(int16_t version, std::string_view client = "client") const {
    return {version, client, "/127.0.0.1"};
  }
  void drop_doomed();
  ReplyToken last_token_ = 0;
};

// Subscription and assignment in the consumer's own format.
ByteVector subscription(const std::vector<std::string>& topics);
ByteVector assignment(const std::vector<TopicPartition>& partitions);
// What two coordinators must agree on when one has read what the other has written: offsets, and groups as far as they
// are written.
std::string digest(const GroupCoordinator& coordinator);

}  // namespace weir::broker
