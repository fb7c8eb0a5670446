// AlterPartitionReassignments and ListPartitionReassignments: partitions move to other brokers. The new replicas are
// added first; when they have caught up, an AlterPartition request of the leader takes out those that leave.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "broker/controller/controller.h"
#include "broker/controller/leadership.h"
#include "broker/controller/topic_creation.h"
#include "quorum/metadata_delta.h"

namespace weir::broker {
namespace {

using protocol::AlterPartitionReassignmentsRequest;
using protocol::AlterPartitionReassignmentsResponse;
using protocol::ErrorCode;
using protocol::ListPartitionReassignmentsRequest;
using protocol::ListPartitionReassignmentsResponse;
using Nodes = std::vector<NodeId>;
using Wanted = AlterPartitionReassignmentsRequest::ReassignablePartition;

// Sorted, as Kafka writes it.
Nodes difference(const Nodes& from, const Nodes& taken) {
  std::set<NodeId> left(from.begin(), from.end());
  for (NodeId id : taken) left.erase(id);
  return {left.begin(), left.end()};
}

std::optional<ApiError> add_change(const PartitionChangeInput& change, quorum::MetadataRecords& records) {
  if (const auto record = decide_partition_change(change)) records.add(*record);
  return std::nullopt;
}

std::optional<ApiError> change_replicas(PartitionChangeInput change, const Nodes& target,
                                        quorum::MetadataRecords& records) {
  const Nodes& present = change.partition.replicas;
  const Nodes removed = difference(present, target);
  // Also of a reassignment that is under way: what that was adding is new still, or it leaves again. (Kafka goes on
  // waiting for replicas that it takes out, and such a reassignment never ends.)
  const Nodes added = difference(target, difference(present, change.partition.adding_replicas));
  change.election = Election::kOnline;
  change.target_replicas = target;
  change.target_replicas.insert(change.target_replicas.end(), removed.begin(), removed.end());
  change.target_removing = removed;
  change.target_adding = added;
  return add_change(change, records);
}

// Takes out what the reassignment was adding, and keeps what it was removing.
std::optional<ApiError> cancel(const quorum::TopicImage& topic, PartitionChangeInput change,
                               quorum::MetadataRecords& records) {
  const quorum::PartitionImage& partition = change.partition;
  if (!is_reassigned(partition)) return ApiError{ErrorCode::kNoReassignmentInProgress, {}};
  const auto is_added = [&](NodeId id) {
    return std::ranges::find(partition.adding_replicas, id) != partition.adding_replicas.end();
  };
  std::erase_if(change.target_replicas, is_added);
  std::erase_if(change.target_isr, is_added);
  if (change.target_replicas.empty()) {
    return ApiError{ErrorCode::kInvalidReplicaAssignment,
                    "Invalid replica assignment: addingReplicas contains all replicas."};
  }
  if (change.target_isr.empty()) {
    // Only new replicas have all records: the partition would go back to those that lack some.
    if (change.election != Election::kUnclean) {
      return ApiError{ErrorCode::kInvalidReplicaAssignment,
                      fmt::format("Unable to revert partition assignment for {}:{} because it would require an "
                                  "unclean leader election.",
                                  topic.name, change.index.value())};
    }
    change.target_isr = {change.target_replicas.front()};
  }
  change.target_removing.clear();
  change.target_adding.clear();
  return add_change(change, records);
}

std::optional<ApiError> reassign(const quorum::MetadataImage& image, const ConfigRules& rules, std::string_view name,
                                 const Wanted& wanted, bool may_change_factor, quorum::MetadataRecords& records) {
  const auto topic = image.topic(name);
  if (topic == nullptr)
    return ApiError{ErrorCode::kUnknownTopicOrPartition, fmt::format("Unable to find a topic named {}.", name)};
  const PartitionIndex index(wanted.partition_index);
  const quorum::PartitionImage* partition = topic->partition(index);
  if (partition == nullptr) {
    return ApiError{ErrorCode::kUnknownTopicOrPartition,
                    fmt::format("Unable to find partition {}:{}.", name, wanted.partition_index)};
  }
  auto change = change_of(image, rules, *topic, index);
  if (!wanted.replicas) return cancel(*topic, std::move(change), records);
  const Nodes target = quorum::to_nodes(*wanted.replicas);
  if (auto error = check_assignment(image, target, std::nullopt)) return error;
  // The factor that the reassignment under way leads to.
  const size_t factor = difference(partition->replicas, partition->removing_replicas).size();
  if (!may_change_factor && target.size() != factor) {
    return ApiError{ErrorCode::kInvalidReplicationFactor,
                    fmt::format("The replication factor is changed from {} to {}", factor, target.size())};
  }
  return change_replicas(std::move(change), target, records);
}

void list(const quorum::TopicImage& topic, const std::vector<int32_t>& indexes,
          Reply<ListPartitionReassignmentsResponse>& reply) {
  ListPartitionReassignmentsResponse::OngoingTopicReassignment found;
  for (int32_t index : indexes) {
    const quorum::PartitionImage* partition = topic.partition(PartitionIndex(index));
    if (partition == nullptr || !is_reassigned(*partition)) continue;
    auto& out = found.partitions.emplace_back();
    out.partition_index = index;
    out.replicas = quorum::to_ints(partition->replicas);
    out.adding_replicas = quorum::to_ints(partition->adding_replicas);
    out.removing_replicas = quorum::to_ints(partition->removing_replicas);
  }
  if (found.partitions.empty()) return;
  found.name = reply.keep(topic.name);
  reply.response.topics.push_back(std::move(found));
}

}  // namespace

Decision<AlterPartitionReassignmentsResponse> Controller::decide(const AlterPartitionReassignmentsRequest& request,
                                                                 const DecideContext&) {
  auto decision = no_change<AlterPartitionReassignmentsResponse>();
  decision.is_divisible = true;
  auto& response = decision.reply.response;
  response.allow_replication_factor_change = request.allow_replication_factor_change;
  if (request.topics.empty()) return decision;
  response.error_message.reset();
  for (const auto& topic : request.topics) {
    auto& topic_result = response.responses.emplace_back();
    topic_result.name = decision.reply.keep(topic.name);
    for (const Wanted& wanted : topic.partitions) {
      auto& result = topic_result.partitions.emplace_back();
      result.partition_index = wanted.partition_index;
      result.error_message.reset();
      const auto error =
          reassign(image_, rules_, topic.name, wanted, request.allow_replication_factor_change, decision.records);
      if (!error) continue;
      result.error_code = protocol::error_field(error->code);
      if (!error->message.empty()) result.error_message = decision.reply.keep(error->message);
    }
  }
  return decision;
}

Decision<ListPartitionReassignmentsResponse> Controller::decide(const ListPartitionReassignmentsRequest& request,
                                                                const DecideContext&) {
  auto decision = no_change<ListPartitionReassignmentsResponse>();
  decision.reply.response.error_message.reset();
  if (request.topics) {
    for (const auto& wanted : *request.topics) {
      if (const auto topic = image_.topic(wanted.name)) list(*topic, wanted.partition_indexes, decision.reply);
    }
    return decision;
  }
  for (const auto& [name, topic] : image_.topics_by_name) {
    std::vector<int32_t> all(topic->partitions.size());
    std::iota(all.begin(), all.end(), 0);
    list(*topic, all, decision.reply);
  }
  return decision;
}

}  // namespace weir::broker
