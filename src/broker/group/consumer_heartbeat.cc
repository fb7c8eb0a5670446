// ConsumerGroupHeartbeat of a member that stays: who it is, what it wants, what it is to have, and what it gets.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "broker/group/consumer_groups.h"

namespace weir::broker {

using protocol::ConsumerGroupHeartbeatRequest;
using protocol::ConsumerGroupHeartbeatResponse;
using protocol::ErrorCode;

namespace {

std::unexpected<GroupError> refuse(ErrorCode code, std::string message) {
  return std::unexpected(GroupError{code, std::move(message)});
}

PartitionSets to_sets(const ConsumerGroupHeartbeatRequest& request) {
  PartitionSets sets;
  for (const auto& topic : *request.topic_partitions)
    sets[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
  return sets;
}

bool is_part_of(const ConsumerGroupHeartbeatRequest& request, const PartitionEpochs& assigned) {
  if (!request.topic_partitions) return false;
  return std::ranges::all_of(*request.topic_partitions, [&](const auto& topic) {
    const auto it = assigned.find(topic.topic_id);
    return it != assigned.end() &&
           std::ranges::all_of(topic.partitions, [&](int32_t partition) { return it->second.contains(partition); });
  });
}

// An answer may have been lost: then the member comes with the epoch before, and with nothing that is not its own.
std::optional<GroupError> check_epoch(const ConsumerMember& member, const ConsumerGroupHeartbeatRequest& request) {
  const int32_t epoch = request.member_epoch;
  if (epoch == kJoinEpoch || epoch == member.progress.epoch) return std::nullopt;
  const bool greater = epoch > member.progress.epoch;
  if (!greater && epoch == member.progress.previous_epoch && is_part_of(request, member.progress.assigned))
    return std::nullopt;
  return GroupError{
      ErrorCode::kFencedMemberEpoch,
      fmt::format("The consumer group member has a {} member epoch ({}) than the one known by the group coordinator "
                  "({}). The member must abandon all its partitions and rejoin.",
                  greater ? "greater" : "smaller", epoch, member.progress.epoch)};
}

// Fields that are left out are as before.
ConsumerSubscription updated(const ConsumerSubscription& before, const GroupRequestContext& context,
                             const ConsumerGroupHeartbeatRequest& request) {
  ConsumerSubscription after = before;
  if (request.instance_id) after.instance_id = *request.instance_id;
  if (request.rack_id) after.rack_id = *request.rack_id;
  if (request.rebalance_timeout_ms != -1) after.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.server_assignor) after.server_assignor = *request.server_assignor;
  if (request.subscribed_topic_names)
    after.topics = {request.subscribed_topic_names->begin(), request.subscribed_topic_names->end()};
  if (request.subscribed_topic_regex) after.topic_regex = *request.subscribed_topic_regex;
  after.client_id = context.client_id;
  after.client_host = context.client_host;
  after.classic.reset();
  return after;
}

bool is_full_request(const ConsumerGroupHeartbeatRequest& request) {
  return request.rebalance_timeout_ms != -1 && (request.subscribed_topic_names || request.subscribed_topic_regex) &&
         request.topic_partitions;
}

void add_assignment(const PartitionEpochs& assigned, ConsumerGroupHeartbeatResponse& response) {
  auto& assignment = response.assignment.emplace();
  for (const auto& [topic, epochs] : assigned) {
    auto& to = assignment.topic_partitions.emplace_back();
    to.topic_id = topic;
    for (const auto& [partition, epoch] : epochs) to.partitions.push_back(partition);
  }
}

bool has_same_partitions(const PartitionEpochs& a, const PartitionEpochs& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    return x.first == y.first &&
           std::ranges::equal(x.second, y.second, [](const auto& p, const auto& q) { return p.first == q.first; });
  });
}

}  // namespace

Decided<std::shared_ptr<const ConsumerMember>> ConsumerGroups::find_or_admit(
    ConsumerGroup& group, const ConsumerGroupHeartbeatRequest& request, const std::string& member_id,
    ConsumerChange& change) {
  const bool joins = request.member_epoch == kJoinEpoch;
  std::shared_ptr<const ConsumerMember> member =
      request.instance_id ? group.find_static(*request.instance_id) : group.find(member_id);
  if (member == nullptr) {
    if (joins) {
      log_debug("group", "a member joins", kv("group", group.id()), kv("member", member_id));
      const std::shared_ptr<const ConsumerMember> known = group.find(member_id);
      return known != nullptr ? known : std::make_shared<const ConsumerMember>(ConsumerMember{.id = member_id});
    }
    return refuse(ErrorCode::kUnknownMemberId,
                  request.instance_id ? fmt::format("Instance id {} is unknown.", *request.instance_id)
                                      : fmt::format("Member {} is not a member of group {}.", member_id, group.id()));
  }
  if (request.instance_id && joins) {
    // Its place may be taken once it has said that it leaves it.
    if (!member->is_classic() && member->progress.epoch != kLeaveStaticEpoch)
      return refuse(ErrorCode::kUnreleasedInstanceId,
                    fmt::format("Static member {} with instance id {} cannot join the group because the instance id is "
                                "owned by {} member.",
                                member_id, *request.instance_id, member->id));
    return replace(group, *member, member_id, change);
  }
  if (request.instance_id && member->id != member_id)
    return refuse(ErrorCode::kFencedInstanceId,
                  fmt::format("Static member {} with instance id {} was fenced by member {}.", member_id,
                              *request.instance_id, member->id));
  if (auto error = check_epoch(*member, request)) return std::unexpected(*std::move(error));
  return member;
}

Decided<Owned<ConsumerGroupHeartbeatResponse>> ConsumerGroups::heartbeat(const GroupRequestContext& context,
                                                                         const ConsumerGroupHeartbeatRequest& request,
                                                                         const std::string& new_member_id,
                                                                         GroupTime now, ConsumerChange& change) {
  if (request.member_epoch != kJoinEpoch && find(request.group_id) == nullptr)
    return refuse(ErrorCode::kGroupIdNotFound, fmt::format("Consumer group {} not found.", request.group_id));
  ConsumerGroup& group = find_or_create(request.group_id, change);
  const std::string member_id = request.member_id.empty() ? new_member_id : std::string(request.member_id);
  if (is_full(group, member_id))
    return refuse(ErrorCode::kGroupMaxSizeReached,
                  fmt::format("The consumer group has reached its maximum capacity of {} members.",
                              config_.consumer_group_size_max));
  auto found = find_or_admit(group, request, member_id, change);
  if (!found) return std::unexpected(std::move(found).error());
  const std::shared_ptr<const ConsumerMember> before = *std::move(found);

  const ConsumerSubscription subscription = updated(before->subscription, context, request);
  const bool names_changed = update_subscription(*before, subscription, change);
  const Decided<RegexChange> regex = update_regex(group, *before, subscription, change);
  if (!regex) return std::unexpected(regex.error());
  // An expression that is yet to be resolved will cause an epoch of its own.
  const bool bump = names_changed || *regex == RegexChange::kResolved;
  if (bump || group.refresh_due) update_epoch(group, bump, change);
  update_target(group, now, change);
  std::optional<PartitionSets> owned;
  if (request.topic_partitions) owned = to_sets(request);
  const bool subscription_changed = names_changed || *regex != RegexChange::kNone;
  if (!reconcile_member(group, member_id, subscription_changed, owned ? &*owned : nullptr, now, change))
    return refuse(ErrorCode::kFencedMemberEpoch,
                  "The consumer group member is in a unknown state. The member must abandon all its partitions and "
                  "rejoin.");
  const std::shared_ptr<const ConsumerMember> after = group.find(member_id);
  restart_session(group, *after, now);

  Owned<ConsumerGroupHeartbeatResponse> answer;
  answer.message.member_id = answer.keep(after->id);
  answer.message.member_epoch = after->progress.epoch;
  answer.message.heartbeat_interval_ms =
      setting(group.id(), "consumer.heartbeat.interval.ms", config_.consumer_heartbeat_interval_min_ms,
              config_.consumer_heartbeat_interval_max_ms);
  const bool told = has_same_partitions(before->progress.assigned, after->progress.assigned);
  if (request.member_epoch == kJoinEpoch || is_full_request(request) || !told)
    add_assignment(after->progress.assigned, answer.message);
  return answer;
}

bool ConsumerGroups::update_subscription(const ConsumerMember& before, const ConsumerSubscription& after,
                                         ConsumerChange& change) {
  const ConsumerGroup* group = find(change.group_id());
  if (group->find(before.id) != nullptr && after == before.subscription) return false;
  change.put(ConsumerMemberRecord{change.group_id(), before.id, after});
  return after.topics != before.subscription.topics;
}

}  // namespace weir::broker
