// Takes a request to the coordinator of its group: the shard of this node that owns the group's partition of
// __consumer_offsets.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/sync.h"
#include "broker/group/group_errors.h"
#include "broker/group_service.h"
#include "broker/server/api_handler.h"
#include "broker/shard.h"
#include "protocol/hash.h"
#include "quorum/metadata_version.h"

namespace weir::broker {

// Where a group is coordinated, as far as this node knows.
struct CoordinatorPlace {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;  // when it is not here
  BrokerShard* shard = nullptr;
  PartitionIndex partition{-1};
};

inline CoordinatorPlace place_of_group(BrokerShard& from, std::string_view group_id) {
  const auto topic = from.image()->topic(kConsumerOffsetsTopic);
  if (topic == nullptr || topic->partitions.empty()) return {.error = protocol::ErrorCode::kNotCoordinator};
  const PartitionIndex index(protocol::partition_for_id(group_id, static_cast<int32_t>(topic->partitions.size())));
  if (topic->partition(index)->leader != from.node().node_id) return {.error = protocol::ErrorCode::kNotCoordinator};
  return {.shard = &from.node().shard_of(topic->id, index), .partition = index};
}

// Whether the cluster has taken up the consumer protocol: group.version 1.
inline bool consumer_groups_enabled(const quorum::MetadataImage& image) {
  return image.feature_level(quorum::kGroupVersionFeature) > 0;
}

// As Kafka shows it.
inline GroupRequestContext group_context(RequestContext& context) {
  const std::string host = "/" + context.connection.client.host;
  return {.api_version = context.version(),
          .client_id = context.client_id(),
          .client_host = context.strings.keep(std::string_view(host))};
}

// Runs `call(GroupShell&)` (a Task<Answer>) on the shard of the coordinator, or yields refuse(ErrorCode) where there is
// none.
template <class Answer, class Call, class Refuse>
Task<Answer> at_coordinator(BrokerShard& from, std::string_view group_id, Call call, Refuse refuse) {
  const CoordinatorPlace place = place_of_group(from, group_id);
  if (place.error != protocol::ErrorCode::kNone) co_return refuse(place.error);
  std::optional<Answer> answer = co_await call_on(place.shard->loop(), [place, call]() -> Task<std::optional<Answer>> {
    const std::shared_ptr<GroupShell> shell = place.shard->groups().find(place.partition);
    if (shell == nullptr) co_return std::nullopt;
    co_return co_await call(*shell);
  });
  if (!answer) co_return refuse(protocol::ErrorCode::kNotCoordinator);
  co_return *std::move(answer);
}

// Answers a request that names one group with what its coordinator says.
template <class Request, class Response, class Call>
Task<Outcome> on_coordinator(RequestContext& context, const Request& request, Response& response, Call call) {
  const GroupRequestContext asker = group_context(context);
  auto answer = co_await at_coordinator<Owned<Response>>(
      context.shard, request.group_id,
      [&request, asker, call](GroupShell& shell) { return call(shell, asker, request); },
      [&](protocol::ErrorCode error) { return error_answer(request, context.version(), error); });
  context.strings.adopt(std::move(answer.arena));
  response = std::move(answer.message);
  co_return Outcome::kReply;
}

}  // namespace weir::broker
