// NodeContext: what all shards of a node share. Set up before the node serves and not changed afterwards; any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/seams.h"
#include "base/types.h"
#include "base/uuid.h"
#include "broker/config/config_layers.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

class BrokerConfig;
class BrokerShard;
class ConfigRules;
class ControllerClient;
class DirectoryAssignments;
class IsrChanges;
class LogDirs;
struct ReplicationThrottles;

struct NodeContext {
  const BrokerConfig& config;
  Seams seams;
  NodeId node_id;
  std::string cluster_id{};
  std::optional<std::string> rack{};
  bool auto_create_topics = true;
  size_t fetch_max_bytes = 0;
  Duration heartbeat_interval{};
  BrokerEpoch broker_epoch{-1};  // set when the broker is registered, before it serves
  ConfigMap static_settings{};
  const ConfigRules* config_rules = nullptr;
  ControllerClient* controller = nullptr;
  LogDirs* log_dirs = nullptr;
  DirectoryAssignments* assignments = nullptr;
  IsrChanges* isr_changes = nullptr;
  ReplicationThrottles* throttles = nullptr;
  std::chrono::milliseconds replica_lag_max{};
  std::vector<BrokerShard*> shards{};  // by ShardId

  // The shard that owns a partition: those of one topic are dealt out evenly.
  [[nodiscard]] BrokerShard& shard_of(const Uuid& topic_id, PartitionIndex index) const {
    const size_t spread = std::hash<Uuid>{}(topic_id) + static_cast<size_t>(index.value());
    return *shards[spread % shards.size()];
  }

  // Where the settings of this broker come from, as of `image`.
  [[nodiscard]] BrokerLayers layers(const quorum::MetadataImage& image) const {
    return {.dynamic_broker = image.config(quorum::ConfigResourceType::kBroker, std::to_string(node_id.value())),
            .dynamic_cluster = image.config(quorum::ConfigResourceType::kBroker, ""),
            .static_broker = static_settings};
  }
};

}  // namespace weir::broker
