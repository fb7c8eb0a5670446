// ElectLeaders: an operator asks for the preferred leaders, or for any leader at all.
#include <fmt/format.h>

#include "broker/controller/controller.h"
#include "broker/controller/leadership.h"
#include "broker/controller/topic_creation.h"

namespace weir::broker {
namespace {

using protocol::ElectLeadersRequest;
using protocol::ElectLeadersResponse;
using protocol::ErrorCode;

// The numbers are those of the wire.
constexpr int8_t kPreferredElection = 0;
constexpr int8_t kUncleanElection = 1;

using Outcome = std::optional<ApiError>;

Outcome refused(ErrorCode error) { return ApiError{error, std::string(error_message(error))}; }

Outcome elect(const quorum::MetadataImage& image, const ConfigRules& rules, std::string_view topic_name,
              PartitionIndex index, int8_t election_type, quorum::MetadataRecords& records) {
  const auto topic = image.topic(topic_name);
  if (topic == nullptr)
    return ApiError{ErrorCode::kUnknownTopicOrPartition, fmt::format("No such topic as {}", topic_name)};
  const quorum::PartitionImage* partition = topic->partition(index);
  if (partition == nullptr) {
    return ApiError{ErrorCode::kUnknownTopicOrPartition,
                    fmt::format("No such partition as {}-{}", topic_name, index.value())};
  }
  const bool preferred = election_type == kPreferredElection;
  const bool is_needed = preferred ? partition->leader != partition->replicas.front() : partition->leader == kNoNode;
  if (!is_needed) return refused(ErrorCode::kElectionNotNeeded);
  auto change = change_of(image, rules, *topic, index);
  change.election = preferred ? Election::kPreferred : Election::kUnclean;
  const auto record = decide_partition_change(change);
  if (!record) {
    return refused(preferred ? ErrorCode::kPreferredLeaderNotAvailable : ErrorCode::kEligibleLeadersNotAvailable);
  }
  records.add(*record);
  return std::nullopt;
}

void answer(Reply<ElectLeadersResponse>& reply, ElectLeadersResponse::ReplicaElectionResult& topic,
            PartitionIndex index, const Outcome& outcome) {
  auto& result = topic.partition_result.emplace_back();
  result.partition_id = index.value();
  result.error_message.reset();
  if (!outcome) return;
  result.error_code = protocol::error_field(outcome->code);
  result.error_message = reply.keep(outcome->message);
}

}  // namespace

Decision<ElectLeadersResponse> Controller::decide(const ElectLeadersRequest& request, const DecideContext&) {
  auto decision = no_change<ElectLeadersResponse>();
  decision.is_divisible = true;
  auto& response = decision.reply.response;
  const bool is_known = request.election_type == kPreferredElection || request.election_type == kUncleanElection;
  // Of nothing at all no election is wrong.
  const bool asks_for_none = request.topic_partitions && request.topic_partitions->empty();
  if (!is_known && !asks_for_none) response.error_code = protocol::error_field(ErrorCode::kInvalidRequest);
  const auto elect_one = [&](std::string_view topic, PartitionIndex index) -> Outcome {
    if (is_known) return elect(image_, rules_, topic, index, request.election_type, decision.records);
    return ApiError{ErrorCode::kInvalidRequest, fmt::format("Unknown election type {}", request.election_type)};
  };
  if (request.topic_partitions) {
    for (const auto& wanted : *request.topic_partitions) {
      auto& result = response.replica_election_results.emplace_back();
      result.topic = decision.reply.keep(wanted.topic);
      for (int32_t index : wanted.partitions) {
        answer(decision.reply, result, PartitionIndex(index), elect_one(wanted.topic, PartitionIndex(index)));
      }
    }
    return decision;
  }
  // All of them: of those that need no election only the topic is named.
  for (const auto& [name, topic] : image_.topics_by_name) {
    auto& result = response.replica_election_results.emplace_back();
    result.topic = decision.reply.keep(name);
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const PartitionIndex index(static_cast<int32_t>(i));
      const Outcome outcome = elect_one(name, index);
      if (outcome && outcome->code == ErrorCode::kElectionNotNeeded) continue;
      answer(decision.reply, result, index, outcome);
    }
  }
  return decision;
}

}  // namespace weir::broker
