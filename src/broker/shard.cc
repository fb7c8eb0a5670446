#include "broker/shard.h"

#include <algorithm>

#include "broker/config/broker_config.h"
#include "broker/controller_client.h"
#include "broker/group_service.h"
#include "broker/partition/cold_reads.h"
#include "broker/quota_service.h"
#include "broker/replica_fetcher.h"
#include "broker/server/server_connection.h"
#include "broker/telemetry_service.h"

namespace weir::broker {

namespace {

// Negative: no limit. A year is none, and can be added to a time.
Duration idle_limit(int64_t idle_ms) {
  constexpr Duration kYear = std::chrono::hours(24 * 365);
  return idle_ms < 0 || milliseconds(idle_ms) > kYear ? kYear : Duration(milliseconds(idle_ms));
}

}  // namespace

BrokerShard::BrokerShard(NodeContext& node, Loop& loop, uint32_t shard_count)
    : node_(node),
      loop_(loop),
      limits_{.request_size_max_bytes = static_cast<size_t>(node.config.socket_request_max_bytes()),
              .connection_idle_max = idle_limit(node.config.connections_max_idle_ms())},
      image_(std::make_shared<const quorum::MetadataImage>()),
      cold_reads_(std::make_unique<ColdReads>(node.seams.disk_threads, metrics_)),
      fetch_sessions_(loop.shard().value(), shard_count,
                      static_cast<size_t>(node.config.fetch_session_slots()) / shard_count),
      groups_(std::make_unique<GroupService>(*this, node.config.group_config())),
      replica_fetchers_(std::make_unique<ReplicaFetchers>(*this)),
      quotas_(std::make_unique<QuotaService>(*this, node.config.quota_windows())),
      telemetry_(std::make_unique<TelemetryService>(*this)) {}

BrokerShard::~BrokerShard() = default;

void BrokerShard::set_image(std::shared_ptr<const quorum::MetadataImage> image) { image_ = std::move(image); }

const std::shared_ptr<Partition>* BrokerShard::find_partition(const Uuid& topic_id, PartitionIndex index) const {
  const auto found = partitions_.find({topic_id, index});
  return found == partitions_.end() ? nullptr : &found->second;
}

void BrokerShard::add_partition(std::shared_ptr<Partition> partition) {
  const PartitionKey key{partition->topic_id(), partition->index()};
  partitions_.emplace(key, std::move(partition));
}

void BrokerShard::remove_partition(const Uuid& topic_id, PartitionIndex index) { partitions_.erase({topic_id, index}); }

void BrokerShard::take_directory_offline(const std::string& directory) {
  std::vector<std::shared_ptr<Partition>> lost;
  for_each_partition([&](const std::shared_ptr<Partition>& partition) {
    if (partition->place().directory == directory) lost.push_back(partition);
    ReplicaMove* move = partition->move();
    if (move != nullptr && move->target().directory == directory) move->end(ReplicaMove::Ending::kAbandoned);
  });
  for (const std::shared_ptr<Partition>& partition : lost) {
    partition->go_offline();
    replica_fetchers_->on_removed({partition->topic_id(), partition->index()});
    remove_partition(partition->topic_id(), partition->index());
    add_offline({partition->topic_id(), partition->index()});
  }
}

void BrokerShard::close_connections() {
  // In the order in which they came: that of their addresses would be another one in each run.
  std::vector<std::pair<uint64_t, ServerConnection*>> sorted;
  for (const auto& [connection, number] : connections_) sorted.emplace_back(number, connection);
  std::ranges::sort(sorted);
  for (const auto& [number, connection] : sorted) connection->close();
}

Task<Result<ProducerId>> BrokerShard::next_producer_id() {
  const auto lock = co_await producer_id_mutex_.lock();
  if (next_producer_id_ == producer_id_end_) {
    CO_TRY_ASSIGN(const ProducerIdBlock block,
                  co_await node_.controller->allocate_producer_ids(node_.node_id, node_.broker_epoch));
    next_producer_id_ = block.first;
    producer_id_end_ = block.end;
  }
  const ProducerId id = next_producer_id_;
  ++next_producer_id_;
  co_return id;
}

}  // namespace weir::broker
