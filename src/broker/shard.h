// BrokerShard: what one loop thread owns of a node: its partitions, the connections that were dealt to it, its fetch
// sessions, the group coordinators of its offsets partitions, and its copy of the cluster's metadata. Loop thread only,
// but for what says otherwise.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/loop.h"
#include "base/seams.h"
#include "broker/fetch/fetch_session.h"
#include "broker/fetch/fetch_watch.h"
#include "broker/group_lag.h"
#include "broker/metrics/shard_metrics.h"
#include "broker/node_context.h"
#include "broker/partition/partition.h"
#include "broker/partition/replica_move.h"
#include "broker/partition_key.h"
#include "protocol/api_key.h"
#include "quorum/metadata_image.h"
#include "storage/file_pool.h"

namespace weir::broker {

class ColdReads;
class ServerConnection;
class GroupService;
class QuotaService;
class ReplicaFetchers;
class TelemetryService;

// Bounds that every connection of a shard is held to, from the configuration.
struct ShardLimits {
  size_t request_size_max_bytes;  // socket.request.max.bytes
  Duration connection_idle_max;   // connections.max.idle.ms
};

class BrokerShard {
 public:
  // Descriptors that the logs of a shard keep open. Beyond it the least recently used are closed: far fewer logs than
  // that are written to at any moment, and half of the usual limit of a process (1,048,576, at the least 20,000) stays
  // for connections.
  static constexpr size_t kOpenFilesMax = 2048;

  BrokerShard(NodeContext& node, Loop& loop, uint32_t shard_count);
  BrokerShard(const BrokerShard&) = delete;
  BrokerShard& operator=(const BrokerShard&) = delete;
  ~BrokerShard();

  [[nodiscard]] NodeContext& node() { return node_; }
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] const ShardLimits& limits() const { return limits_; }
  [[nodiscard]] ShardMetrics& metrics() { return metrics_; }
  FetchSessionCache& fetch_sessions() { return fetch_sessions_; }
  RemoteFetchWatches& fetch_watches() { return fetch_watches_; }
  storage::FilePool& files() { return files_; }
  ColdReads& cold_reads() { return *cold_reads_; }
  LagReader& lag_reader() { return lag_reader_; }
  // The coordinators of the groups whose offsets partitions this shard owns.
  GroupService& groups() { return *groups_; }

  // What copies the partitions that other brokers lead.
  ReplicaFetchers& replica_fetchers() { return *replica_fetchers_; }
  QuotaService& quotas() { return *quotas_; }
  TelemetryService& telemetry() { return *telemetry_; }

  // The metadata as of the last change that this shard has applied. Never null.
  [[nodiscard]] const std::shared_ptr<const quorum::MetadataImage>& image() const { return image_; }
  void set_image(std::shared_ptr<const quorum::MetadataImage> image);

  // nullptr when this shard has no such partition (it belongs to another shard, or to no replica of this node).
  [[nodiscard]] const std::shared_ptr<Partition>* find_partition(const Uuid& topic_id, PartitionIndex index) const;
  void add_partition(std::shared_ptr<Partition> partition);
  void remove_partition(const Uuid& topic_id, PartitionIndex index);
  // A replica whose log cannot be used: its directory has failed. Until it is opened, or its topic is deleted.
  void add_offline(PartitionKey key) { offline_.insert(key); }
  void remove_offline(const PartitionKey& key) { offline_.erase(key); }
  [[nodiscard]] bool is_offline(const PartitionKey& key) const { return offline_.contains(key); }
  [[nodiscard]] size_t offline_count() const { return offline_.size(); }
  // Why find_partition() found none.
  [[nodiscard]] protocol::ErrorCode why_absent(const Uuid& topic_id, PartitionIndex index) const {
    return is_offline({topic_id, index}) ? protocol::ErrorCode::kKafkaStorageError
                                         : protocol::ErrorCode::kNotLeaderOrFollower;
  }
  // The partitions of a log directory that has failed go offline; copies that were made in it are given up.
  void take_directory_offline(const std::string& directory);
  // Whose turn it is to be copied to another directory.
  CopyTurn& copy_turn() { return copy_turn_; }
  // Held while a move begins or one is replaced by another.
  AsyncMutex& move_changes() { return move_changes_; }
  template <class Visit>
  void for_each_partition(Visit visit) const {
    for (const auto& [key, partition] : partitions_) visit(partition);
  }
  [[nodiscard]] size_t partition_count() const { return partitions_.size(); }

  void add_connection(ServerConnection& connection) { connections_.emplace(&connection, connections_seen_++); }
  void remove_connection(ServerConnection& connection) { connections_.erase(&connection); }
  void close_connections();
  [[nodiscard]] size_t connection_count() const { return connections_.size(); }

  void count_request(protocol::ApiKey key, MonotonicTime received) {
    metrics_.count_request(key, loop_.now() - received);
  }

  // The next id for an idempotent producer; blocks of ids come from the controller.
  Task<Result<ProducerId>> next_producer_id();

 private:
  NodeContext& node_;
  Loop& loop_;
  ShardLimits limits_;
  ShardMetrics metrics_;
  std::shared_ptr<const quorum::MetadataImage> image_;
  storage::FilePool files_{kOpenFilesMax};
  std::unique_ptr<ColdReads> cold_reads_;
  LagReader lag_reader_{*this};
  std::unordered_map<PartitionKey, std::shared_ptr<Partition>, PartitionKeyHash> partitions_;
  std::unordered_set<PartitionKey, PartitionKeyHash> offline_;
  CopyTurn copy_turn_;
  AsyncMutex move_changes_;
  std::unordered_map<ServerConnection*, uint64_t> connections_;  // numbered as they came
  uint64_t connections_seen_ = 0;
  FetchSessionCache fetch_sessions_;
  RemoteFetchWatches fetch_watches_;
  std::unique_ptr<GroupService> groups_;
  std::unique_ptr<ReplicaFetchers> replica_fetchers_;
  std::unique_ptr<QuotaService> quotas_;
  std::unique_ptr<TelemetryService> telemetry_;
  AsyncMutex producer_id_mutex_;
  ProducerId next_producer_id_{0};
  ProducerId producer_id_end_{0};
};

}  // namespace weir::broker
