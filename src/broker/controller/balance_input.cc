#include "broker/controller/balance_input.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "broker/controller/partition_change.h"
#include "broker/controller/placement.h"

namespace weir::broker {
namespace {

constexpr double kRateMemoryS = 600;

BrokerRole role_of(const quorum::BrokerImage& broker, const std::set<NodeId>& gone) {
  if (gone.contains(broker.id)) return BrokerRole::kGone;
  if (!broker.is_active()) return BrokerRole::kAway;
  return takes_replicas(broker) ? BrokerRole::kMember : BrokerRole::kLeaving;
}

bool is_movable(const quorum::MetadataImage& image, const std::set<NodeId>& gone,
                const quorum::PartitionImage& partition) {
  if (partition.leader == kNoNode || is_reassigned(partition)) return false;
  return std::ranges::all_of(partition.replicas, [&](NodeId id) {
    return gone.contains(id) || image.broker(id) == nullptr || partition.is_in_isr(id);
  });
}

// The leader's log is whole; of a partition without one the longest is the best guess.
uint64_t size_of(const ClusterLoads& loads, const quorum::PartitionImage& partition,
                 const storage::TopicPartition& name) {
  uint64_t size = 0;
  for (const NodeId id : partition.replicas) {
    const auto broker = loads.brokers.find(id);
    if (broker == loads.brokers.end()) continue;
    const auto found = broker->second.sizes.find(name);
    if (found == broker->second.sizes.end()) continue;
    if (id == partition.leader) return found->second;
    size = std::max(size, found->second);
  }
  return size;
}

}  // namespace

void TrafficMeter::observe(const storage::TopicPartition& partition, uint64_t size, MonotonicTime now) {
  const auto [found, is_new] = seen_.try_emplace(partition, Seen{.size = size, .when = now});
  Seen& seen = found->second;
  const double elapsed_s = std::chrono::duration<double>(now - seen.when).count();
  if (is_new || elapsed_s <= 0) return;
  if (size >= seen.size) {
    const double rate = static_cast<double>(size - seen.size) / elapsed_s;
    const double weight = seen.has_rate ? 1 - std::exp(-elapsed_s / kRateMemoryS) : 1;
    seen.rate += weight * (rate - seen.rate);
    seen.has_rate = true;
  }
  seen.size = size;
  seen.when = now;
}

double TrafficMeter::rate(const storage::TopicPartition& partition) const {
  const auto found = seen_.find(partition);
  return found == seen_.end() ? 0 : found->second.rate;
}

void TrafficMeter::forget_before(MonotonicTime then) {
  std::erase_if(seen_, [then](const auto& entry) { return entry.second.when < then; });
}

BalanceInput make_balance_input(const quorum::MetadataImage& image, const std::set<NodeId>& gone,
                                const ClusterLoads& loads) {
  BalanceInput input;
  for (const auto& [id, broker] : image.brokers) {
    BalanceBroker& out = input.brokers.emplace_back();
    out.id = id;
    out.rack = broker->rack.value_or("");
    out.role = role_of(*broker, gone);
    const auto logs = loads.brokers.find(id);
    if (logs == loads.brokers.end()) continue;
    out.capacity_bytes = logs->second.capacity_bytes;
    out.free_bytes = logs->second.free_bytes;
  }
  for (const auto& [name, topic] : image.topics_by_name) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const quorum::PartitionImage& partition = *topic->partitions[i];
      const storage::TopicPartition place{name, PartitionIndex(static_cast<int32_t>(i))};
      BalancePartition& out = input.partitions.emplace_back();
      out.topic = name;
      out.index = place.index;
      out.replicas = replicas_in_the_end(partition);
      out.is_movable = is_movable(image, gone, partition);
      out.bytes = size_of(loads, partition, place);
      out.bytes_per_second = loads.traffic.rate(place);
    }
  }
  return input;
}

}  // namespace weir::broker
