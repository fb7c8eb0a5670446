// What Metadata and DescribeTopicPartitions say of topics and partitions, in one place.
#pragma once

#include <string_view>
#include <vector>

#include "broker/server/request_context.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// All operations that Kafka lists for a resource when nothing restricts them: bits 1 << operation of the ACL
// operations.
inline constexpr int32_t kAllTopicOperations = 3576;
inline constexpr int32_t kAllClusterOperations = 8096;
inline constexpr int32_t kAllGroupOperations = 3400;

// Topics of the system's own: clients do not subscribe to them by pattern.
bool is_internal_topic(std::string_view name);

// 1 to 249 of [a-zA-Z0-9._-], but neither "." nor "..".
bool is_valid_topic_name(std::string_view name);

// The numbers of nodes.
std::vector<int32_t> node_numbers(const std::vector<NodeId>& nodes);
// The replicas that are on no running broker.
std::vector<int32_t> offline_replicas(const quorum::MetadataImage& image, const quorum::PartitionImage& partition);
// kLeaderNotAvailable without a running leader, kListenerNotFound when it has no such listener.
protocol::ErrorCode leader_error(const quorum::MetadataImage& image, const quorum::PartitionImage& partition,
                                 std::string_view listener);

// Fills the fields that both answers have for a partition.
template <class Partition>
void fill_partition(const quorum::MetadataImage& image, int32_t index, const quorum::PartitionImage& partition,
                    std::string_view listener, Partition& out) {
  out.error_code = error_field(leader_error(image, partition, listener));
  out.partition_index = index;
  out.leader_id = out.error_code == 0 ? partition.leader.value() : kNoNode.value();
  out.leader_epoch = partition.leader_epoch.value();
  out.replica_nodes = node_numbers(partition.replicas);
  out.isr_nodes = node_numbers(partition.isr);
  out.offline_replicas = offline_replicas(image, partition);
}

// The running brokers that have the listener, as both Metadata and DescribeCluster list them.
template <class Visit>
void for_each_endpoint(const quorum::MetadataImage& image, std::string_view listener, Visit visit) {
  for (const auto& [id, broker] : image.brokers) {
    if (const quorum::NodeEndpoint* endpoint = broker->endpoint(listener)) visit(*broker, *endpoint);
  }
}

}  // namespace weir::broker
