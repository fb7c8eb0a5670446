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

ErrorCode elect(const quorum::MetadataImage& image, const ConfigRules& rules, const quorum::TopicImage* topic,
                PartitionIndex index, int8_t election_type, quorum::MetadataRecords& records) {
  const quorum::PartitionImage* partition = topic == nullptr ? nullptr : topic->partition(index);
  if (partition == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  const bool preferred = election_type == kPreferredElection;
  const bool is_needed = preferred ? partition->leader != partition->replicas.front() : partition->leader == kNoNode;
  if (!is_needed) return ErrorCode::kElectionNotNeeded;
  auto change = change_of(image, rules, *topic, index);
  change.election = preferred ? Election::kPreferred : Election::kUnclean;
  const auto record = decide_partition_change(change);
  if (!record) {
    return preferred ? ErrorCode::kPreferredLeaderNotAvailable : ErrorCode::kEligibleLeadersNotAvailable;
  }
  records.add(*record);
  return ErrorCode::kNone;
}

void answer(Reply<ElectLeadersResponse>& reply, ElectLeadersResponse::ReplicaElectionResult& topic,
            PartitionIndex index, ErrorCode error) {
  auto& result = topic.partition_result.emplace_back();
  result.partition_id = index.value();
  result.error_code = protocol::error_field(error);
  result.error_message.reset();
  if (error != ErrorCode::kNone) result.error_message = reply.keep(error_message(error));
}

}  // namespace

Decision<ElectLeadersResponse> Controller::decide(const ElectLeadersRequest& request, const DecideContext&) {
  auto decision = no_change<ElectLeadersResponse>();
  auto& response = decision.reply.response;
  if (request.election_type != kPreferredElection && request.election_type != kUncleanElection) {
    response.error_code = protocol::error_field(ErrorCode::kInvalidRequest);
    return decision;
  }
  const auto elect_one = [&](const quorum::TopicImage* topic, PartitionIndex index) {
    return elect(image_, rules_, topic, index, request.election_type, decision.records);
  };
  if (request.topic_partitions) {
    for (const auto& wanted : *request.topic_partitions) {
      auto& result = response.replica_election_results.emplace_back();
      result.topic = decision.reply.keep(wanted.topic);
      const auto topic = image_.topic(wanted.topic);
      for (int32_t index : wanted.partitions) {
        answer(decision.reply, result, PartitionIndex(index), elect_one(topic.get(), PartitionIndex(index)));
      }
    }
    return decision;
  }
  // All of them: those that need no election are not worth a word.
  for (const auto& [name, topic] : image_.topics_by_name) {
    ElectLeadersResponse::ReplicaElectionResult result;
    result.topic = decision.reply.keep(name);
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const PartitionIndex index(static_cast<int32_t>(i));
      const ErrorCode error = elect_one(topic.get(), index);
      if (error != ErrorCode::kElectionNotNeeded) answer(decision.reply, result, index, error);
    }
    if (!result.partition_result.empty()) response.replica_election_results.push_back(std::move(result));
  }
  return decision;
}

}  // namespace weir::broker
