// Groups, which their coordinators know.
#include <algorithm>

#include "client/assignor.h"
#include "client/cluster.h"
#include "client/offsets.h"
#include "protocol/messages/consumer_group_describe_request.h"
#include "protocol/messages/consumer_group_describe_response.h"
#include "protocol/messages/delete_groups_request.h"
#include "protocol/messages/delete_groups_response.h"
#include "protocol/messages/describe_groups_request.h"
#include "protocol/messages/describe_groups_response.h"
#include "protocol/messages/list_groups_request.h"
#include "protocol/messages/list_groups_response.h"
#include "protocol/messages/offset_delete_request.h"
#include "protocol/messages/offset_delete_response.h"
#include "weir/admin.h"

namespace weir::client {
namespace {

using protocol::ErrorCode;

constexpr std::string_view kDead = "Dead";

GroupDescription describe(const protocol::DescribeGroupsResponse::DescribedGroup& group, NodeId coordinator) {
  GroupDescription result{.id = std::string(group.group_id),
                          .type = "classic",
                          .state = std::string(group.group_state),
                          .protocol_type = std::string(group.protocol_type),
                          .assignor = std::string(group.protocol_data),
                          .coordinator = coordinator};
  for (const auto& member : group.members) {
    // What another kind of client assigns (a Connect worker, ...) cannot be read as partitions.
    auto assignment = decode_assignment(member.member_assignment);
    result.members.push_back({.id = std::string(member.member_id),
                              .instance = std::string(member.group_instance_id.value_or("")),
                              .client_id = std::string(member.client_id),
                              .host = std::string(member.client_host),
                              .assignment = assignment ? *assignment : std::vector<TopicPartition>()});
  }
  std::ranges::sort(result.members, {}, &GroupMember::id);
  return result;
}

GroupDescription describe(const protocol::ConsumerGroupDescribeResponse::DescribedGroup& group, NodeId coordinator) {
  GroupDescription result{.id = std::string(group.group_id),
                          .type = "consumer",
                          .state = std::string(group.group_state),
                          .protocol_type = "consumer",
                          .assignor = std::string(group.assignor_name),
                          .coordinator = coordinator,
                          .epoch = group.group_epoch};
  for (const auto& member : group.members) {
    GroupMember& to = result.members.emplace_back();
    to.id = member.member_id;
    to.instance = member.instance_id.value_or("");
    to.client_id = member.client_id;
    to.host = member.client_host;
    to.epoch = member.member_epoch;
    for (const auto& topic : member.assignment.topic_partitions) {
      for (const int32_t partition : topic.partitions)
        to.assignment.push_back({std::string(topic.topic_name), PartitionIndex(partition)});
    }
  }
  std::ranges::sort(result.members, {}, &GroupMember::id);
  return result;
}

// A group of the consumer protocol; kNotFound where there is none, or where the broker does not know the protocol.
Task<Result<GroupDescription>> describe_consumer_group(Cluster& cluster, Coordinator& coordinator, std::string group) {
  protocol::ConsumerGroupDescribeRequest request;
  request.group_ids.push_back(group);
  const auto code_of = [](const protocol::ConsumerGroupDescribeResponse& answer) {
    return answer.groups.empty() ? ErrorCode::kUnknownServerError
                                 : protocol::error_code(answer.groups.front().error_code);
  };
  const auto reply = co_await coordinator.call(request, cluster.api_deadline(), code_of,
                                               protocol::ConsumerGroupDescribeRequest::kMinVersion,
                                               protocol::ConsumerGroupDescribeRequest::kMaxStableVersion);
  if (!reply || code_of(reply->message) != ErrorCode::kNone)
    co_return fail(Errc::kNotFound, "group " + group + ": there is no such group");
  co_return describe(reply->message.groups.front(), coordinator.node());
}

}  // namespace

Task<Result<std::vector<GroupListing>>> Admin::list_groups() {
  const MonotonicTime deadline = cluster_->api_deadline();
  CO_TRY(co_await cluster_->refresh(deadline));
  std::vector<GroupListing> groups;
  std::vector<NodeId> nodes;
  for (const auto& [id, info] : cluster_->metadata().brokers()) nodes.push_back(id);
  // Each broker lists the groups that it coordinates.
  for (const NodeId node : nodes) {
    Backoff backoff = cluster_->retry_backoff();
    for (;;) {
      auto connection = cluster_->broker(node);
      if (!connection) break;
      CO_TRY_ASSIGN(const auto reply,
                    co_await connection->call(protocol::ListGroupsRequest{}, cluster_->attempt_deadline(deadline)));
      const ErrorCode error = protocol::error_code(reply.message.error_code);
      if (error == ErrorCode::kCoordinatorLoadInProgress && co_await cluster_->pause(backoff, deadline)) continue;
      CO_TRY(to_result(reply.message.error_code, "groups of broker " + std::to_string(node.value())));
      for (const auto& group : reply.message.groups) {
        groups.push_back({std::string(group.group_id), std::string(group.protocol_type), std::string(group.group_state),
                          std::string(group.group_type)});
      }
      break;
    }
  }
  std::ranges::sort(groups, {}, &GroupListing::id);
  co_return groups;
}

Task<Result<GroupDescription>> Admin::describe_group(std::string group) {
  Coordinator coordinator(cluster_, group);
  protocol::DescribeGroupsRequest request;
  request.groups.push_back(group);
  const auto code_of = [](const protocol::DescribeGroupsResponse& answer) {
    return answer.groups.empty() ? ErrorCode::kUnknownServerError
                                 : protocol::error_code(answer.groups.front().error_code);
  };
  CO_TRY_ASSIGN(const auto reply, co_await coordinator.call(request, cluster_->api_deadline(), code_of,
                                                            protocol::DescribeGroupsRequest::kMinVersion,
                                                            protocol::DescribeGroupsRequest::kMaxStableVersion));
  const ErrorCode error = code_of(reply.message);
  const bool missing = error == ErrorCode::kGroupIdNotFound ||
                       (error == ErrorCode::kNone && reply.message.groups.front().group_state == kDead);
  if (missing) {
    auto consumer = co_await describe_consumer_group(*cluster_, coordinator, group);
    if (consumer) co_return std::move(consumer);
  }
  if (error != ErrorCode::kNone) {
    const auto detail = reply.message.groups.empty() ? std::nullopt : reply.message.groups.front().error_message;
    co_return std::unexpected(to_error(error, "group " + group, detail));
  }
  // Older versions have no error for a group that does not exist.
  const auto& described = reply.message.groups.front();
  if (described.group_state == kDead) co_return fail(Errc::kNotFound, "group " + group + ": there is no such group");
  co_return describe(described, coordinator.node());
}

Task<Result<>> Admin::delete_group(std::string group) {
  Coordinator coordinator(cluster_, group);
  protocol::DeleteGroupsRequest request;
  request.groups_names.push_back(group);
  const auto code_of = [](const protocol::DeleteGroupsResponse& answer) {
    return answer.results.empty() ? ErrorCode::kUnknownServerError
                                  : protocol::error_code(answer.results.front().error_code);
  };
  CO_TRY_ASSIGN(const auto reply, co_await coordinator.call(request, cluster_->api_deadline(), code_of,
                                                            protocol::DeleteGroupsRequest::kMinVersion,
                                                            protocol::DeleteGroupsRequest::kMaxStableVersion));
  co_return to_result(protocol::error_field(code_of(reply.message)), "group " + group);
}

Task<Result<std::map<TopicPartition, CommittedOffset>>> Admin::committed_offsets(std::string group) {
  Coordinator coordinator(cluster_, std::move(group));
  co_return co_await fetch_committed(coordinator, {}, cluster_->api_deadline());
}

Task<Result<>> Admin::alter_offsets(std::string group, std::map<TopicPartition, Offset> offsets) {
  Coordinator coordinator(cluster_, std::move(group));
  auto done = co_await commit_offsets(coordinator, {}, std::move(offsets), cluster_->api_deadline());
  if (!done && done.error().code == Errc::kUnavailable) {
    co_return fail(
        Errc::kInvalidArgument,
        "group " + coordinator.group() + " has members, which would overwrite the offsets: stop its consumers first");
  }
  co_return done;
}

Task<Result<>> Admin::delete_offsets(std::string group, std::vector<TopicPartition> partitions) {
  std::ranges::sort(partitions);
  Coordinator coordinator(cluster_, group);
  protocol::OffsetDeleteRequest request;
  request.group_id = group;
  by_topic(
      partitions, [&](const std::string& name) { request.topics.push_back({.name = name}); },
      [&](const TopicPartition& place) { request.topics.back().partitions.push_back({place.partition.value()}); });
  const auto code_of = [](const protocol::OffsetDeleteResponse& answer) {
    return protocol::error_code(answer.error_code);
  };
  CO_TRY_ASSIGN(const auto reply, co_await coordinator.call(request, cluster_->api_deadline(), code_of,
                                                            protocol::OffsetDeleteRequest::kMinVersion,
                                                            protocol::OffsetDeleteRequest::kMaxStableVersion));
  CO_TRY(to_result(reply.message.error_code, "group " + group));
  for (const auto& topic : reply.message.topics) {
    for (const auto& partition : topic.partitions) {
      CO_TRY(to_result(partition.error_code, "offset of group " + group + " in " + std::string(topic.name) + "-" +
                                                 std::to_string(partition.partition_index)));
    }
  }
  co_return Result<>();
}

}  // namespace weir::client
