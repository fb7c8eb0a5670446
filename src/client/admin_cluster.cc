// The cluster as a whole: its metadata quorum, its features, and what in it has settings.
#include <fmt/format.h>

#include <algorithm>

#include "client/cluster.h"
#include "client/errors.h"
#include "protocol/messages/add_raft_voter_request.h"
#include "protocol/messages/add_raft_voter_response.h"
#include "protocol/messages/api_versions_request.h"
#include "protocol/messages/api_versions_response.h"
#include "protocol/messages/describe_quorum_request.h"
#include "protocol/messages/describe_quorum_response.h"
#include "protocol/messages/list_config_resources_request.h"
#include "protocol/messages/list_config_resources_response.h"
#include "protocol/messages/remove_raft_voter_request.h"
#include "protocol/messages/remove_raft_voter_response.h"
#include "protocol/messages/update_features_request.h"
#include "protocol/messages/update_features_response.h"
#include "weir/admin.h"

namespace weir::client {
namespace {

constexpr std::string_view kMetadataTopic = "__cluster_metadata";
// From these versions on an upgrade type can be named, and resources other than subscriptions are listed.
constexpr int16_t kUpdateFeaturesFirstWithTypes = 1;
constexpr int16_t kListConfigResourcesFirstWithTypes = 1;
// Before it no broker tells of features that may be off.
constexpr int16_t kApiVersionsFirstWithAllFeatures = 4;

QuorumReplica describe(const protocol::DescribeQuorumResponse::ReplicaState& state) {
  return {.id = NodeId(state.replica_id),
          .directory_id = state.replica_directory_id,
          .end_offset = Offset(state.log_end_offset),
          .last_fetch = Timestamp(state.last_fetch_timestamp),
          .last_caught_up = Timestamp(state.last_caught_up_timestamp)};
}

}  // namespace

Task<Result<QuorumDescription>> Admin::describe_quorum() {
  protocol::DescribeQuorumRequest request;
  request.topics.push_back({.topic_name = kMetadataTopic, .partitions = {{.partition_index = 0}}});
  CO_TRY_ASSIGN(const auto reply, co_await cluster_->call_any(request, cluster_->api_deadline()));
  CO_TRY(to_result(reply.message.error_code, "the quorum", reply.message.error_message));
  if (reply.message.topics.size() != 1 || reply.message.topics[0].partitions.size() != 1)
    co_return fail(Errc::kCorrupt, "the quorum: the answer is not of one partition");
  const auto& partition = reply.message.topics[0].partitions[0];
  CO_TRY(to_result(partition.error_code, "the quorum", partition.error_message));
  QuorumDescription quorum{.leader = NodeId(partition.leader_id),
                           .epoch = LeaderEpoch(partition.leader_epoch),
                           .high_watermark = Offset(partition.high_watermark)};
  for (const auto& state : partition.current_voters) quorum.voters.push_back(describe(state));
  for (const auto& state : partition.observers) quorum.observers.push_back(describe(state));
  for (const auto& node : reply.message.nodes) {
    auto& endpoints = quorum.endpoints[NodeId(node.node_id)];
    for (const auto& listener : node.listeners) endpoints.push_back({std::string(listener.host), listener.port});
  }
  co_return quorum;
}

Task<Result<>> Admin::add_voter(NodeId id, Uuid directory_id, std::vector<VoterListener> listeners) {
  protocol::AddRaftVoterRequest request;
  request.cluster_id = std::nullopt;
  request.timeout_ms = static_cast<int32_t>(cluster_->options().request_timeout / milliseconds(1));
  request.voter_id = id.value();
  request.voter_directory_id = directory_id;
  for (const VoterListener& listener : listeners) {
    request.listeners.push_back({listener.name, listener.endpoint.host, listener.endpoint.port});
  }
  CO_TRY_ASSIGN(const auto reply, co_await cluster_->call_any(request, cluster_->api_deadline()));
  co_return to_result(reply.message.error_code, fmt::format("voter {}", id.value()), reply.message.error_message);
}

Task<Result<>> Admin::remove_voter(NodeId id, Uuid directory_id) {
  protocol::RemoveRaftVoterRequest request;
  request.cluster_id = std::nullopt;
  request.voter_id = id.value();
  request.voter_directory_id = directory_id;
  CO_TRY_ASSIGN(const auto reply, co_await cluster_->call_any(request, cluster_->api_deadline()));
  co_return to_result(reply.message.error_code, fmt::format("voter {}", id.value()), reply.message.error_message);
}

Task<Result<std::vector<FeatureDescription>>> Admin::describe_features() {
  protocol::ApiVersionsRequest request;
  request.client_software_name = "weir";
  request.client_software_version = WEIR_VERSION;
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(request, cluster_->api_deadline(), kApiVersionsFirstWithAllFeatures));
  CO_TRY(to_result(reply.message.error_code, "the features"));
  std::vector<FeatureDescription> features;
  for (const auto& supported : reply.message.supported_features) {
    FeatureDescription feature{.name = std::string(supported.name),
                               .supported_min = supported.min_version,
                               .supported_max = supported.max_version};
    for (const auto& finalized : reply.message.finalized_features) {
      if (finalized.name == supported.name) feature.level = finalized.max_version_level;
    }
    features.push_back(std::move(feature));
  }
  std::ranges::sort(features, {}, &FeatureDescription::name);
  co_return features;
}

Task<Result<>> Admin::update_features(std::map<std::string, int16_t> levels, FeatureChange change, bool validate_only) {
  protocol::UpdateFeaturesRequest request;
  request.timeout_ms = static_cast<int32_t>(cluster_->options().request_timeout / milliseconds(1));
  request.validate_only = validate_only;
  for (const auto& [name, level] : levels) {
    request.feature_updates.push_back(
        {.feature = name, .max_version_level = level, .upgrade_type = static_cast<int8_t>(change)});
  }
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(request, cluster_->api_deadline(), kUpdateFeaturesFirstWithTypes));
  CO_TRY(to_result(reply.message.error_code, "features", reply.message.error_message));
  for (const auto& result : reply.message.results) {
    CO_TRY(to_result(result.error_code, "feature " + std::string(result.feature), result.error_message));
  }
  co_return Result<>();
}

Task<Result<std::vector<ConfigResource>>> Admin::list_config_resources() {
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(protocol::ListConfigResourcesRequest(), cluster_->api_deadline(),
                                            kListConfigResourcesFirstWithTypes));
  CO_TRY(to_result(reply.message.error_code, "what has settings"));
  std::vector<ConfigResource> resources;
  for (const auto& resource : reply.message.config_resources) {
    resources.push_back({static_cast<ConfigResourceType>(resource.resource_type), std::string(resource.resource_name)});
  }
  co_return resources;
}

}  // namespace weir::client
