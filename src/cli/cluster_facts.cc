#include "cli/cluster_facts.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace weir::cli {
namespace {

using broker::BalanceBroker;
using broker::BrokerRole;
using client::Admin;
using client::LogDirDescription;
using client::NodeDescription;
using client::PartitionDescription;
using client::TopicDescription;

bool is_whole(const PartitionDescription& partition) { return partition.in_sync.size() >= partition.replicas.size(); }

Task<Result<>> add_log_dirs(Admin& admin, ClusterFacts& facts) {
  for (BrokerFacts& one : facts.brokers) {
    if (one.broker.is_fenced) continue;
    // One that has just gone, or does not let this user look, is shown without.
    if (auto directories = co_await admin.describe_log_dirs(one.broker.id)) one.directories = *std::move(directories);
  }
  co_return Result<>();
}

Task<Result<>> add_min_in_sync(Admin& admin, ClusterFacts& facts) {
  for (const TopicDescription& topic : facts.topics) {
    if (std::ranges::all_of(topic.partitions, is_whole)) continue;
    const auto entries = co_await admin.describe_config({.name = topic.name});
    if (!entries) continue;  // deleted meanwhile
    for (const client::ConfigEntry& entry : *entries) {
      if (entry.name != "min.insync.replicas" || !entry.value) continue;
      std::from_chars(entry.value->data(), entry.value->data() + entry.value->size(), facts.min_in_sync[topic.name]);
    }
  }
  co_return Result<>();
}

void count(ClusterFacts& facts) {
  std::map<NodeId, BrokerFacts*> by_id;
  for (BrokerFacts& one : facts.brokers) by_id[one.broker.id] = &one;
  for (const TopicDescription& topic : facts.topics) {
    for (const PartitionDescription& partition : topic.partitions) {
      if (const auto leader = by_id.find(partition.leader); leader != by_id.end()) ++leader->second->leaders;
      for (const NodeId id : partition.replicas) {
        if (const auto holder = by_id.find(id); holder != by_id.end()) ++holder->second->replicas;
      }
    }
  }
}

BrokerRole role_of(const BrokerFacts& one, const std::vector<int32_t>& leaving) {
  const bool leaves = std::ranges::find(leaving, one.broker.id.value()) != leaving.end();
  if (one.broker.is_fenced) return leaves ? BrokerRole::kGone : BrokerRole::kAway;
  return leaves || one.is_cordoned() ? BrokerRole::kLeaving : BrokerRole::kMember;
}

int64_t size_of(const ClusterFacts& facts, NodeId broker, const client::TopicPartition& partition) {
  const BrokerFacts* one = facts.broker(broker);
  if (one == nullptr) return 0;
  for (const LogDirDescription& directory : one->directories) {
    if (const auto found = directory.replicas.find(partition); found != directory.replicas.end()) return found->second;
  }
  return 0;
}

}  // namespace

bool BrokerFacts::is_cordoned() const {
  return tells() && std::ranges::all_of(directories, [](const LogDirDescription& directory) {
           return directory.is_cordoned || !directory.is_online;
         });
}

int64_t BrokerFacts::log_bytes() const {
  int64_t bytes = 0;
  for (const LogDirDescription& directory : directories) {
    for (const auto& [partition, size] : directory.replicas) bytes += size;
  }
  return bytes;
}

uint64_t BrokerFacts::total_bytes() const {
  uint64_t bytes = 0;
  for (const LogDirDescription& directory : directories)
    bytes += directory.is_online ? static_cast<uint64_t>(std::max<int64_t>(directory.total_bytes, 0)) : 0;
  return bytes;
}

uint64_t BrokerFacts::usable_bytes() const {
  uint64_t bytes = 0;
  for (const LogDirDescription& directory : directories)
    bytes += directory.is_online ? static_cast<uint64_t>(std::max<int64_t>(directory.usable_bytes, 0)) : 0;
  return bytes;
}

const BrokerFacts* ClusterFacts::broker(NodeId id) const {
  const auto found = std::ranges::find(brokers, id, [](const BrokerFacts& one) { return one.broker.id; });
  return found == brokers.end() ? nullptr : &*found;
}

Task<Result<ClusterFacts>> gather_cluster_facts(Admin& admin) {
  ClusterFacts facts;
  CO_TRY_ASSIGN(const auto cluster, co_await admin.describe_cluster());
  facts.cluster_id = cluster.cluster_id;
  auto brokers = co_await admin.describe_brokers();
  if (!brokers && brokers.error().code != Errc::kUnsupported) co_return std::unexpected(brokers.error());
  for (const NodeDescription& one : brokers ? *brokers : cluster.brokers) facts.brokers.push_back({.broker = one});
  CO_TRY_ASSIGN(facts.topics, co_await admin.list_topics());
  CO_TRY_ASSIGN(facts.reassignments, co_await admin.list_reassignments());
  CO_TRY_ASSIGN(facts.quorum, co_await admin.describe_quorum());
  CO_TRY_ASSIGN(facts.features, co_await admin.describe_features());
  CO_TRY(co_await add_log_dirs(admin, facts));
  CO_TRY(co_await add_min_in_sync(admin, facts));
  count(facts);
  co_return facts;
}

broker::BalanceInput balance_input_of(const ClusterFacts& facts, const std::vector<int32_t>& leaving) {
  broker::BalanceInput input;
  for (const BrokerFacts& one : facts.brokers) {
    input.brokers.push_back({.id = one.broker.id,
                             .rack = one.broker.rack,
                             .role = role_of(one, leaving),
                             .capacity_bytes = one.total_bytes(),
                             .free_bytes = one.usable_bytes()});
  }
  std::set<NodeId> gone;
  for (const BalanceBroker& one : input.brokers) {
    if (one.role == BrokerRole::kGone) gone.insert(one.id);
  }
  std::map<client::TopicPartition, const client::ReassignmentDescription*> ongoing;
  for (const auto& one : facts.reassignments) ongoing[one.partition] = &one;
  for (const TopicDescription& topic : facts.topics) {
    for (const PartitionDescription& partition : topic.partitions) {
      const client::TopicPartition name{topic.name, partition.index};
      broker::BalancePartition& out = input.partitions.emplace_back();
      out.topic = topic.name;
      out.index = partition.index;
      out.replicas = partition.replicas;
      out.bytes = static_cast<uint64_t>(size_of(facts, partition.leader, name));
      const auto moving = ongoing.find(name);
      if (moving != ongoing.end()) {
        std::erase_if(out.replicas, [&](NodeId id) {
          return std::ranges::find(moving->second->removing, id) != moving->second->removing.end();
        });
      }
      out.is_movable = moving == ongoing.end() && partition.leader != kNoNode &&
                       std::ranges::all_of(partition.replicas, [&](NodeId id) {
                         return gone.contains(id) || facts.broker(id) == nullptr ||
                                std::ranges::find(partition.in_sync, id) != partition.in_sync.end();
                       });
    }
  }
  return input;
}

}  // namespace weir::cli
