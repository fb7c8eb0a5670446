#include "broker/handlers/describe_quorum.h"

#include "broker/handlers/forward.h"

namespace weir::broker {
namespace {

using protocol::DescribeQuorumRequest;
using protocol::DescribeQuorumResponse;
using protocol::ErrorCode;

constexpr std::string_view kMetadataTopic = "__cluster_metadata";

// Kafka answers nothing else, not even that together with another partition.
bool asks_for_metadata_log(const DescribeQuorumRequest& request) {
  return request.topics.size() == 1 && request.topics[0].topic_name == kMetadataTopic &&
         request.topics[0].partitions.size() == 1 && request.topics[0].partitions[0].partition_index == 0;
}

void refuse(const DescribeQuorumRequest& request, DescribeQuorumResponse& response) {
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.topic_name = topic.topic_name;
    for (const auto& partition : topic.partitions) {
      auto& result = out.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      result.error_code = error_field(ErrorCode::kUnknownTopicOrPartition);
      result.error_message = error_message(ErrorCode::kUnknownTopicOrPartition);
    }
  }
}

std::vector<protocol::DescribeQuorumResponse::ReplicaState> states_of(
    const std::vector<quorum::QuorumInfo::Replica>& replicas, int16_t version) {
  std::vector<protocol::DescribeQuorumResponse::ReplicaState> states;
  for (const auto& replica : replicas) {
    auto& state = states.emplace_back();
    state.replica_id = replica.key.id.value();
    if (version >= 2) state.replica_directory_id = replica.key.directory_id;
    state.log_end_offset = replica.end_offset.value();
    state.last_fetch_timestamp = replica.last_fetch.value();
    state.last_caught_up_timestamp = replica.last_caught_up.value();
  }
  return states;
}

}  // namespace

Task<Outcome> DescribeQuorumHandler::handle(RequestContext& context, const Request& request,
                                            DescribeQuorumResponse& response) {
  if (!asks_for_metadata_log(request)) {
    refuse(request, response);
    co_return Outcome::kReply;
  }
  const quorum::QuorumInfo info = co_await context.shard.node().controller->describe_quorum();
  if (info.leader != context.shard.node().node_id && !context.connection.apis.is_controllers()) {
    auto reply = co_await context.shard.node().controller->ask_leader(request, context.version(), context.frame_owner,
                                                                      requester_of(context));
    if (reply) {
      response = std::move(reply->response);
      keep(context, std::move(*reply));
      co_return Outcome::kReply;
    }
  }
  if (info.leader != context.shard.node().node_id) {
    response.error_code = error_field(ErrorCode::kNotLeaderOrFollower);
    response.error_message = error_message(ErrorCode::kNotLeaderOrFollower);
    co_return Outcome::kReply;
  }
  auto& topic = response.topics.emplace_back();
  topic.topic_name = kMetadataTopic;
  auto& partition = topic.partitions.emplace_back();
  partition.leader_id = info.leader.value();
  partition.leader_epoch = info.epoch.value();
  partition.high_watermark = info.high_watermark.value();
  partition.current_voters = states_of(info.voters, context.version());
  partition.observers = states_of(info.observers, context.version());
  if (context.version() < 2) co_return Outcome::kReply;
  for (const auto& [id, voter] : info.voter_set.voters()) {
    auto& node = response.nodes.emplace_back();
    node.node_id = id.value();
    for (const quorum::VoterEndpoint& endpoint : voter.endpoints) {
      node.listeners.push_back({context.strings.keep(std::string_view(endpoint.listener)),
                                context.strings.keep(std::string_view(endpoint.host)), endpoint.port});
    }
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
