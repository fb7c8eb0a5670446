// ConsumerWorld: a GroupWorld with members of the consumer protocol, for tests.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "broker/group/group_world.h"
#include "protocol/messages/consumer_group_heartbeat_request.h"

namespace weir::broker {

// A ConsumerGroupHeartbeat in the making; the strings live here. Without `topics`, `regex` and `owned` it is a short
// one.
struct Beat {
  std::string group = "g";
  std::string member;
  int32_t epoch = 0;
  std::optional<std::string> instance;
  std::optional<std::vector<std::string>> topics;
  std::optional<std::string> regex;
  std::optional<std::string> assignor;
  std::optional<PartitionSets> owned;
  int32_t rebalance_ms = -1;
  int16_t version = 1;
};

// What a member was told.
struct Told {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::string message;
  std::string member;
  int32_t epoch = -1;
  std::optional<PartitionSets> assignment;
};

// The first heartbeat of a member.
Beat joining(const std::string& member, std::vector<std::string> topics = {"orders"});
size_t count(const PartitionSets& partitions);

// A client of the consumer protocol that does as it is told: it gives up what it is to give up with its next heartbeat.
struct ConsumerClient {
  std::string group = "g";
  std::string id;
  std::optional<std::string> instance;
  std::vector<std::string> topics = {"orders"};
  int32_t epoch = 0;
  PartitionSets owned;
  std::optional<PartitionSets> reported;  // what it said last that it owns
};

class ConsumerWorld : public GroupWorld {
 public:
  using GroupWorld::GroupWorld;

  ReplyToken send(const Beat& beat);
  Told told(ReplyToken token);
  Told beat(const Beat& beat) { return told(send(beat)); }
  // The next heartbeat of a client, answered.
  Told step(ConsumerClient& client);
  // Heartbeats of all until nothing changes any more.
  void settle(std::vector<ConsumerClient>& clients);
  Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> describe(const std::string& group = "g") const {
    return coordinator.describe_consumer_group(group);
  }
  const ConsumerGroup& group(const std::string& id = "g") const { return *coordinator.consumer_groups().find(id); }

 private:
  ReplyToken next_token_ = 1'000'000;  // apart from those of GroupWorld
};

// Everything that records say of the groups of the consumer protocol.
std::string consumer_digest(const GroupCoordinator& coordinator);

}  // namespace weir::broker
