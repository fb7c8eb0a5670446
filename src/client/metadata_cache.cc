#include "client/metadata_cache.h"

#include "protocol/messages/metadata_response.h"

namespace weir::client {
namespace {

using protocol::MetadataResponse;

std::vector<NodeId> nodes(const std::vector<int32_t>& ids) {
  std::vector<NodeId> result;
  result.reserve(ids.size());
  for (const int32_t id : ids) result.emplace_back(id);
  return result;
}

// `known` is what was known of the partition of the same topic before, or null.
PartitionInfo merge(const MetadataResponse::MetadataResponsePartition& told, const PartitionInfo* known) {
  if (known != nullptr && told.leader_epoch >= 0 && known->leader_epoch.value() > told.leader_epoch) return *known;
  return {.error = protocol::error_code(told.error_code),
          .leader = NodeId(told.leader_id),
          .leader_epoch = LeaderEpoch(told.leader_epoch),
          .replicas = nodes(told.replica_nodes),
          .in_sync = nodes(told.isr_nodes)};
}

}  // namespace

void MetadataCache::apply(const MetadataResponse& answer, MonotonicTime now) {
  updated_ = now;
  if (answer.cluster_id) cluster_id_ = *answer.cluster_id;
  brokers_.clear();
  for (const auto& broker : answer.brokers) {
    add_broker({NodeId(broker.node_id),
                {std::string(broker.host), static_cast<uint16_t>(broker.port)},
                std::string(broker.rack.value_or(""))});
  }
  for (const auto& told : answer.topics) {
    if (!told.name) continue;
    TopicInfo topic{.name = std::string(*told.name),
                    .id = told.topic_id,
                    .error = protocol::error_code(told.error_code),
                    .internal = told.is_internal};
    const TopicInfo* known = this->topic(topic.name);
    const bool same_topic = known != nullptr && known->id == topic.id;
    for (const auto& partition : told.partitions) {
      // Brokers list every partition of a topic; an index beyond their number is no partition.
      if (partition.partition_index < 0 || static_cast<size_t>(partition.partition_index) >= told.partitions.size())
        continue;
      const auto index = static_cast<size_t>(partition.partition_index);
      if (topic.partitions.size() <= index) topic.partitions.resize(index + 1);
      const bool was_known = same_topic && index < known->partitions.size();
      topic.partitions[index] = merge(partition, was_known ? &known->partitions[index] : nullptr);
    }
    if (known != nullptr && !same_topic) names_.erase(known->id);
    if (!topic.id.is_zero()) names_[topic.id] = topic.name;
    std::string name = topic.name;
    topics_.insert_or_assign(std::move(name), std::move(topic));
  }
}

void MetadataCache::set_leader(const TopicPartition& place, NodeId leader, LeaderEpoch epoch) {
  const auto topic = topics_.find(place.topic);
  const auto index = static_cast<size_t>(place.partition.value());
  if (topic == topics_.end() || index >= topic->second.partitions.size()) return;
  PartitionInfo& partition = topic->second.partitions[index];
  if (epoch <= partition.leader_epoch || !brokers_.contains(leader)) return;
  partition.leader = leader;
  partition.leader_epoch = epoch;
}

void MetadataCache::forget_topic(const std::string& name) {
  const auto topic = topics_.find(name);
  if (topic == topics_.end()) return;
  names_.erase(topic->second.id);
  topics_.erase(topic);
}

const TopicInfo* MetadataCache::topic(const std::string& name) const {
  const auto topic = topics_.find(name);
  return topic == topics_.end() ? nullptr : &topic->second;
}

std::string_view MetadataCache::topic_name(const Uuid& id) const {
  const auto name = names_.find(id);
  return name == names_.end() ? std::string_view() : std::string_view(name->second);
}

const PartitionInfo* MetadataCache::partition(const TopicPartition& place) const {
  const TopicInfo* topic = this->topic(place.topic);
  const auto index = static_cast<size_t>(place.partition.value());
  return topic == nullptr || index >= topic->partitions.size() ? nullptr : &topic->partitions[index];
}

}  // namespace weir::client
