#include "client/offsets.h"

#include <fmt/format.h>

#include <ranges>

#include "protocol/messages/find_coordinator_request.h"
#include "protocol/messages/find_coordinator_response.h"
#include "protocol/messages/list_offsets_request.h"
#include "protocol/messages/list_offsets_response.h"
#include "protocol/messages/offset_commit_request.h"
#include "protocol/messages/offset_commit_response.h"
#include "protocol/messages/offset_fetch_request.h"
#include "protocol/messages/offset_fetch_response.h"

namespace weir::client {
namespace {

using protocol::ErrorCode;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;

// The last versions that name topics; the next ones have their ids, which a committed offset of a deleted topic lacks.
constexpr int16_t kOffsetCommitLastWithNames = 9;
constexpr int16_t kOffsetFetchLastWithNames = 9;
constexpr int16_t kOffsetFetchFirstWithGroups = 8;
constexpr int16_t kFindCoordinatorFirstWithLists = 4;
constexpr int16_t kListOffsetsEarliestNamed = 1;

struct Located {
  ErrorCode error;
  NodeId node;
  Endpoint endpoint;
  std::string message;
};

Located located(const protocol::FindCoordinatorResponse& answer) {
  if (answer.coordinators.empty()) return {ErrorCode::kCoordinatorNotAvailable, kNoNode, {}, {}};
  const auto& first = answer.coordinators.front();
  return {protocol::error_code(first.error_code),
          NodeId(first.node_id),
          {std::string(first.host), static_cast<uint16_t>(first.port)},
          std::string(first.error_message.value_or(""))};
}

}  // namespace

Task<Result<Cluster::ConnectionPtr>> Coordinator::connection(MonotonicTime deadline, Lane lane) {
  if (node_ != kNoNode) {
    if (auto known = cluster_->broker(node_, lane)) co_return known;
  }
  Backoff backoff = cluster_->retry_backoff();
  for (;;) {
    protocol::FindCoordinatorRequest request;
    request.coordinator_keys = {group_};
    auto via = cluster_->any_broker();
    auto reply = co_await via->call(request, cluster_->attempt_deadline(deadline), kFindCoordinatorFirstWithLists);
    if (!reply && !is_transport_failure(reply.error())) co_return std::unexpected(reply.error());
    std::optional<Error> error;
    if (reply) {
      const Located found = located(reply->message);
      if (found.error == ErrorCode::kNone) {
        node_ = found.node;
        cluster_->metadata().add_broker({found.node, found.endpoint, {}});
        co_return cluster_->broker(node_, lane);
      }
      error = to_error(found.error, "group " + group_, found.message);
      if (protocol::error_retry(found.error) == protocol::Retry::kNever) co_return std::unexpected(*error);
    }
    if (!co_await cluster_->pause(backoff, deadline)) co_return std::unexpected(error ? *error : reply.error());
  }
}

bool Coordinator::should_retry(ErrorCode error) {
  switch (error) {
    case ErrorCode::kNotCoordinator:
    case ErrorCode::kCoordinatorNotAvailable:
      forget();
      return true;
    case ErrorCode::kCoordinatorLoadInProgress:
    case ErrorCode::kUnstableOffsetCommit:
    case ErrorCode::kRequestTimedOut:
      return true;
    default:
      return false;
  }
}

// ----------------------------------------------------------------------------------------------------------- committed

namespace {

OffsetFetchRequest make_fetch_request(const std::string& group, const std::vector<TopicPartition>& places) {
  OffsetFetchRequest request;
  OffsetFetchRequest::OffsetFetchRequestGroup wanted{.group_id = group};
  if (places.empty()) {
    wanted.topics.reset();
  } else {
    by_topic(
        places, [&](const std::string& topic) { wanted.topics->push_back({.name = topic}); },
        [&](const TopicPartition& p) { wanted.topics->back().partition_indexes.push_back(p.partition.value()); });
  }
  request.groups.push_back(std::move(wanted));
  request.require_stable = true;
  return request;
}

ErrorCode first_error(const OffsetFetchResponse& answer) {
  if (answer.groups.empty()) return protocol::error_code(answer.error_code);
  const auto& group = answer.groups.front();
  if (group.error_code != 0) return protocol::error_code(group.error_code);
  for (const auto& topic : group.topics) {
    for (const auto& partition : topic.partitions) {
      // Gone with their topic; those that ask for all would otherwise see none.
      if (protocol::error_code(partition.error_code) == ErrorCode::kUnknownTopicOrPartition) continue;
      if (partition.error_code != 0) return protocol::error_code(partition.error_code);
    }
  }
  return ErrorCode::kNone;
}

}  // namespace

Task<Result<std::map<TopicPartition, CommittedOffset>>> fetch_committed(Coordinator& coordinator,
                                                                        std::vector<TopicPartition> places,
                                                                        MonotonicTime deadline) {
  std::ranges::sort(places);
  const OffsetFetchRequest request = make_fetch_request(coordinator.group(), places);
  CO_TRY_ASSIGN(auto reply, co_await coordinator.call(request, deadline, first_error, kOffsetFetchFirstWithGroups,
                                                      kOffsetFetchLastWithNames));
  if (const ErrorCode error = first_error(reply.message); error != ErrorCode::kNone) {
    co_return std::unexpected(to_error(error, "offsets of group " + coordinator.group()));
  }
  std::map<TopicPartition, CommittedOffset> found;
  for (const auto& group : reply.message.groups) {
    for (const auto& topic : group.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.committed_offset < 0) continue;
        found[{std::string(topic.name), PartitionIndex(partition.partition_index)}] = {
            Offset(partition.committed_offset), std::string(partition.metadata.value_or(""))};
      }
    }
  }
  co_return found;
}

Task<Result<>> commit_offsets(Coordinator& coordinator, CommitIdentity identity,
                              std::map<TopicPartition, Offset> offsets, MonotonicTime deadline) {
  OffsetCommitRequest request;
  request.group_id = coordinator.group();
  request.generation_id_or_member_epoch = identity.generation;
  request.member_id = identity.member;
  if (!identity.instance.empty()) request.group_instance_id = identity.instance;
  by_topic(
      offsets | std::views::keys, [&](const std::string& topic) { request.topics.push_back({.name = topic}); },
      [&](const TopicPartition& place) {
        request.topics.back().partitions.push_back(
            {.partition_index = place.partition.value(), .committed_offset = offsets.at(place).value()});
      });
  const auto first_error = [](const OffsetCommitResponse& answer) {
    for (const auto& topic : answer.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.error_code != 0) return protocol::error_code(partition.error_code);
      }
    }
    return ErrorCode::kNone;
  };
  const int16_t needed = identity.instance.empty() ? OffsetCommitRequest::kMinVersion : int16_t{7};
  CO_TRY_ASSIGN(auto reply,
                co_await coordinator.call(request, deadline, first_error, needed, kOffsetCommitLastWithNames));
  const ErrorCode error = first_error(reply.message);
  if (error == ErrorCode::kNone) co_return Result<>();
  Error result = to_error(error, "commit of group " + coordinator.group());
  const bool not_ours = error == ErrorCode::kRebalanceInProgress || error == ErrorCode::kIllegalGeneration ||
                        error == ErrorCode::kUnknownMemberId || error == ErrorCode::kFencedInstanceId;
  if (not_ours) result.code = Errc::kUnavailable;
  co_return std::unexpected(std::move(result));
}

// ---------------------------------------------------------------------------------------------------------- looked up

namespace {

using Found = std::map<TopicPartition, Result<FoundOffset>>;
using Wanted = std::map<TopicPartition, Timestamp>;

void take_in(const ListOffsetsResponse& answer, Wanted& open, Found& found) {
  for (const auto& topic : answer.topics) {
    for (const auto& partition : topic.partitions) {
      const TopicPartition place{std::string(topic.name), PartitionIndex(partition.partition_index)};
      if (!open.contains(place)) continue;
      const ErrorCode error = protocol::error_code(partition.error_code);
      if (protocol::error_retry(error) != protocol::Retry::kNever && error != ErrorCode::kNone) continue;
      open.erase(place);
      if (error == ErrorCode::kNone) {
        found.insert_or_assign(place, FoundOffset{Offset(partition.offset), Timestamp(partition.timestamp)});
      } else {
        found.insert_or_assign(place, std::unexpected(to_error(error, place.to_string())));
      }
    }
  }
}

// One request to one leader. Transport failures leave its partitions open.
Task<Result<>> ask_leader(Cluster& cluster, NodeId leader, Wanted wanted, bool read_committed, MonotonicTime deadline,
                          Wanted& open, Found& found) {
  auto connection = cluster.broker(leader);
  if (!connection) co_return Result<>();
  ListOffsetsRequest request;
  request.replica_id = -1;
  request.isolation_level = read_committed ? 1 : 0;
  request.timeout_ms = static_cast<int32_t>(cluster.options().request_timeout / milliseconds(1));
  by_topic(
      wanted | std::views::keys, [&](const std::string& topic) { request.topics.push_back({.name = topic}); },
      [&](const TopicPartition& place) {
        request.topics.back().partitions.push_back(
            {.partition_index = place.partition.value(), .timestamp = wanted.at(place).value()});
      });
  auto reply = co_await connection->call(request, cluster.attempt_deadline(deadline),
                                         read_committed ? int16_t{2} : kListOffsetsEarliestNamed);
  if (reply) {
    take_in(reply->message, open, found);
  } else if (!is_transport_failure(reply.error())) {
    co_return std::unexpected(reply.error());
  }
  co_return Result<>();
}

}  // namespace

Task<Result<Found>> find_offsets(std::shared_ptr<Cluster> cluster, Wanted wanted, bool read_committed,
                                 MonotonicTime deadline) {
  Found found;
  Wanted open = std::move(wanted);
  Backoff backoff = cluster->retry_backoff();
  for (bool first = true; !open.empty(); first = false) {
    if (!first) {
      if (!co_await cluster->pause(backoff, deadline)) break;
      CO_TRY(co_await cluster->refresh(deadline));
    }
    std::map<NodeId, Wanted> by_leader;
    for (auto at = open.begin(); at != open.end();) {
      auto [place, when] = *at++;
      auto topic = co_await cluster->topic(place.topic, deadline);
      const PartitionInfo* partition = cluster->metadata().partition(place);
      if (topic && partition != nullptr) {
        by_leader[partition->leader].emplace(place, when);
        continue;
      }
      const Error missing{Errc::kNotFound,
                          "topic " + place.topic + " has no partition " + std::to_string(place.partition.value())};
      found.insert_or_assign(place, std::unexpected(topic ? missing : topic.error()));
      open.erase(place);
    }
    for (auto& [leader, places] : by_leader) {
      CO_TRY(co_await ask_leader(*cluster, leader, std::move(places), read_committed, deadline, open, found));
    }
  }
  for (const auto& [place, when] : open) {
    found.insert_or_assign(place, fail(Errc::kTimedOut, place.to_string() + ": no leader told an offset in time"));
  }
  co_return found;
}

}  // namespace weir::client
