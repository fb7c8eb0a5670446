// Where replicas are: brokers with their log directories, and reassignments.
#include <algorithm>

#include "client/cluster.h"
#include "client/errors.h"
#include "protocol/messages/describe_cluster_request.h"
#include "protocol/messages/describe_cluster_response.h"
#include "protocol/messages/describe_log_dirs_request.h"
#include "protocol/messages/describe_log_dirs_response.h"
#include "protocol/messages/list_partition_reassignments_request.h"
#include "protocol/messages/list_partition_reassignments_response.h"
#include "weir/admin.h"

namespace weir::client {
namespace {

// The first that tells of brokers that are fenced.
constexpr int16_t kDescribeClusterFirstWithFenced = 2;

std::vector<NodeId> to_nodes(const std::vector<int32_t>& ids) {
  std::vector<NodeId> nodes;
  for (const int32_t id : ids) nodes.emplace_back(id);
  return nodes;
}

}  // namespace

Task<Result<std::vector<NodeDescription>>> Admin::describe_brokers() {
  protocol::DescribeClusterRequest request;
  request.include_fenced_brokers = true;
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_->call_any(request, cluster_->api_deadline(), kDescribeClusterFirstWithFenced));
  CO_TRY(to_result(reply.message.error_code, "the cluster", reply.message.error_message));
  std::vector<NodeDescription> brokers;
  for (const auto& broker : reply.message.brokers) {
    brokers.push_back({.id = NodeId(broker.broker_id),
                       .endpoint = {std::string(broker.host), static_cast<uint16_t>(broker.port)},
                       .rack = std::string(broker.rack.value_or("")),
                       .is_fenced = broker.is_fenced});
  }
  std::ranges::sort(brokers, {}, &NodeDescription::id);
  co_return brokers;
}

Task<Result<std::vector<LogDirDescription>>> Admin::describe_log_dirs(NodeId broker) {
  const std::string about = "broker " + std::to_string(broker.value());
  CO_TRY(co_await cluster_->refresh(cluster_->api_deadline()));
  const auto connection = cluster_->broker(broker);
  if (connection == nullptr) co_return fail(Errc::kNotFound, about + ": there is none");
  protocol::DescribeLogDirsRequest request;
  request.topics.reset();  // all
  CO_TRY_ASSIGN(const auto reply,
                co_await connection->call(request, cluster_->attempt_deadline(cluster_->api_deadline())));
  CO_TRY(to_result(reply.message.error_code, about));
  std::vector<LogDirDescription> directories;
  for (const auto& result : reply.message.results) {
    LogDirDescription& directory = directories.emplace_back();
    directory.path = result.log_dir;
    directory.is_online = protocol::error_code(result.error_code) == protocol::ErrorCode::kNone;
    directory.total_bytes = result.total_bytes;
    directory.usable_bytes = result.usable_bytes;
    directory.is_cordoned = result.is_cordoned;
    for (const auto& topic : result.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.is_future_key) continue;
        directory.replicas[{std::string(topic.name), PartitionIndex(partition.partition_index)}] =
            partition.partition_size;
      }
    }
  }
  co_return directories;
}

Task<Result<std::vector<ReassignmentDescription>>> Admin::list_reassignments() {
  protocol::ListPartitionReassignmentsRequest request;
  request.topics.reset();  // all
  CO_TRY_ASSIGN(const auto reply, co_await cluster_->call_any(request, cluster_->api_deadline()));
  CO_TRY(to_result(reply.message.error_code, "reassignments", reply.message.error_message));
  std::vector<ReassignmentDescription> ongoing;
  for (const auto& topic : reply.message.topics) {
    for (const auto& partition : topic.partitions) {
      ongoing.push_back({.partition = {std::string(topic.name), PartitionIndex(partition.partition_index)},
                         .replicas = to_nodes(partition.replicas),
                         .adding = to_nodes(partition.adding_replicas),
                         .removing = to_nodes(partition.removing_replicas)});
    }
  }
  co_return ongoing;
}

}  // namespace weir::client
