// MetadataCache: what the brokers said last about brokers, topics and leaders. A plain state machine that knows no I/O:
// the Cluster feeds it answers. Owned by the Cluster; one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/seams.h"
#include "base/uuid.h"
#include "protocol/error_code.h"
#include "weir/record.h"

namespace weir::protocol {
struct MetadataResponse;
}

namespace weir::client {

struct BrokerInfo {
  NodeId id;
  Endpoint endpoint;
  std::string rack;
};

struct PartitionInfo {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  NodeId leader = kNoNode;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::vector<NodeId> replicas;
  std::vector<NodeId> in_sync;
};

struct TopicInfo {
  std::string name;
  Uuid id;
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  bool internal = false;
  std::vector<PartitionInfo> partitions;  // by index
};

class MetadataCache {
 public:
  // Takes an answer in. A leader of an older epoch than the known one is ignored: brokers learn of elections at
  // different times, and going back would send requests to the deposed leader.
  void apply(const protocol::MetadataResponse& answer, MonotonicTime now);
  // The leader that a produce or fetch answer named, which is news before the next refresh.
  void set_leader(const TopicPartition& place, NodeId leader, LeaderEpoch epoch);
  void add_broker(BrokerInfo broker) { brokers_[broker.id] = std::move(broker); }
  // The topic was asked for and an answer did not have it, or had it with an error.
  void forget_topic(const std::string& name);

  [[nodiscard]] const TopicInfo* topic(const std::string& name) const;
  // Empty for an unknown id.
  [[nodiscard]] std::string_view topic_name(const Uuid& id) const;
  // Null for an unknown partition.
  [[nodiscard]] const PartitionInfo* partition(const TopicPartition& place) const;
  [[nodiscard]] const std::map<NodeId, BrokerInfo>& brokers() const { return brokers_; }
  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  [[nodiscard]] MonotonicTime updated() const { return updated_; }
  [[nodiscard]] bool is_empty() const { return brokers_.empty(); }

 private:
  std::map<NodeId, BrokerInfo> brokers_;
  std::unordered_map<std::string, TopicInfo> topics_;
  std::unordered_map<Uuid, std::string> names_;
  std::string cluster_id_;
  MonotonicTime updated_{};
};

}  // namespace weir::client
