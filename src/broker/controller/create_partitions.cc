// CreatePartitions: more partitions for topics that exist.
#include <fmt/format.h>

#include <set>

#include "broker/controller/controller.h"
#include "broker/controller/placement.h"
#include "broker/controller/topic_creation.h"
#include "quorum/metadata_delta.h"

namespace weir::broker {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;
using protocol::ErrorCode;
using Wanted = CreatePartitionsRequest::CreatePartitionsTopic;

// From this version on clients know THROTTLING_QUOTA_EXCEEDED.
constexpr int16_t kFirstStrictVersion = 3;

// The replicas of the partitions that `wanted` adds to `topic`.
std::optional<ApiError> assign(const quorum::MetadataImage& image, const quorum::TopicImage& topic,
                               const Wanted& wanted, Random& random, std::vector<std::vector<NodeId>>& assignment) {
  const size_t present = topic.partitions.size();
  const size_t added = static_cast<size_t>(wanted.count) - present;
  const size_t replication_factor = topic.partitions.front()->replicas.size();
  if (!wanted.assignments) {
    Placement placement(image, random);
    const auto factor = static_cast<int16_t>(replication_factor);
    if (auto possible = placement.check(factor); !possible) {
      return ApiError{ErrorCode::kInvalidReplicationFactor,
                      "Unable to replicate the partition: " + possible.error().message};
    }
    for (size_t i = 0; i < added; ++i) assignment.push_back(placement.next(factor));
    return std::nullopt;
  }
  if (wanted.assignments->size() != added) {
    return ApiError{
        ErrorCode::kInvalidReplicaAssignment,
        fmt::format("Attempted to add {} additional partition(s), but only {} assignment(s) were specified.", added,
                    wanted.assignments->size())};
  }
  for (const auto& entry : *wanted.assignments) {
    auto replicas = quorum::to_nodes(entry.broker_ids);
    if (auto error = check_assignment(image, replicas, replication_factor)) return error;
    assignment.push_back(std::move(replicas));
  }
  return std::nullopt;
}

std::optional<ApiError> create(const quorum::MetadataImage& image, const Wanted& wanted, Random& random,
                               MutationPermit& permit, quorum::MetadataRecords& records) {
  const auto topic = image.topic(wanted.name);
  if (topic == nullptr) {
    return ApiError{ErrorCode::kUnknownTopicOrPartition, {}};
  }
  const auto present = static_cast<int64_t>(topic->partitions.size());
  if (wanted.count == present) {
    return ApiError{ErrorCode::kInvalidPartitions, fmt::format("Topic already has {} partition(s).", present)};
  }
  if (wanted.count < present) {
    return ApiError{ErrorCode::kInvalidPartitions,
                    fmt::format("The topic {} currently has {} partition(s); {} would not be an increase.", wanted.name,
                                present, wanted.count)};
  }
  if (static_cast<size_t>(wanted.count - present) + records.size() > kPartitionsPerRequestMax) {
    return ApiError{ErrorCode::kPolicyViolation,
                    fmt::format("One request may add at most {} partitions.", kPartitionsPerRequestMax)};
  }
  std::vector<std::vector<NodeId>> assignment;
  if (auto error = assign(image, *topic, wanted, random, assignment)) return error;
  if (!permit.take(assignment.size())) return quota_exceeded();
  for (size_t i = 0; i < assignment.size(); ++i) {
    records.add(
        new_partition(image, topic->id, static_cast<int32_t>(present) + static_cast<int32_t>(i), assignment[i]));
  }
  return std::nullopt;
}

}  // namespace

Decision<CreatePartitionsResponse> Controller::decide(const CreatePartitionsRequest& request,
                                                      const DecideContext& context) {
  auto decision = no_change<CreatePartitionsResponse>();
  auto& reply = decision.reply;
  MutationPermit permit = mutation_permit(context, kFirstStrictVersion);
  std::set<std::string_view> seen;
  std::set<std::string_view> twice;
  for (const Wanted& wanted : request.topics) {
    if (!seen.insert(wanted.name).second) twice.insert(wanted.name);
  }
  for (const Wanted& wanted : request.topics) {
    if (seen.erase(wanted.name) == 0) continue;  // answered
    auto& result = reply.response.results.emplace_back();
    result.name = reply.keep(wanted.name);
    const auto error = twice.contains(wanted.name)
                           ? std::optional(ApiError{ErrorCode::kInvalidRequest, "Duplicate topic name."})
                           : create(image_, wanted, random_, permit, decision.records);
    if (!error) continue;
    result.error_code = protocol::error_field(error->code);
    if (!error->message.empty()) result.error_message = reply.keep(error->message);
  }
  reply.response.throttle_time_ms = static_cast<int32_t>(permit.throttle().count());
  if (request.validate_only) decision.records = quorum::MetadataRecords(image_.metadata_version());
  return decision;
}

}  // namespace weir::broker
