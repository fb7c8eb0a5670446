// Members of the classic protocol in a group of the consumer protocol: JoinGroup, SyncGroup, Heartbeat and LeaveGroup
// as they stand for its heartbeats. The generation is the member's epoch; nobody leads; a member is told that the group
// rebalances when it has something to give up or to get, and joins to do so.
#include <algorithm>

#include "base/log.h"
#include "broker/group/embedded_protocol.h"
#include "broker/group/group_coordinator.h"
#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::ErrorCode;
using protocol::JoinGroupRequest;

namespace {

constexpr std::string_view kConsumerProtocolType = "consumer";
constexpr int16_t kMemberIdRequiredVersion = 4;
constexpr int16_t kLeaveManyVersion = 3;

Owned<protocol::JoinGroupResponse> refusal(std::string_view member_id, ErrorCode error) {
  Owned<protocol::JoinGroupResponse> answer;
  answer.message.error_code = protocol::error_field(error);
  answer.message.protocol_name.reset();
  answer.message.member_id = answer.keep(member_id);
  return answer;
}

std::expected<std::shared_ptr<const ConsumerMember>, ErrorCode> find_classic(
    const ConsumerGroup& group, std::string_view member_id, const std::optional<std::string_view>& instance_id) {
  const std::shared_ptr<const ConsumerMember> member =
      instance_id ? group.find_static(*instance_id) : group.find(member_id);
  if (member == nullptr) return std::unexpected(ErrorCode::kUnknownMemberId);
  if (member->id != member_id) return std::unexpected(ErrorCode::kFencedInstanceId);
  if (!member->is_classic()) return std::unexpected(ErrorCode::kUnknownMemberId);
  return member;
}

}  // namespace

void GroupCoordinator::join_consumer_group(const GroupRequestContext& context, const JoinGroupRequest& request,
                                           ConsumerGroup& group, ReplyToken token, GroupTime now) {
  const auto refuse = [&](std::string_view id, ErrorCode error) { reply(token, refusal(id, error)); };
  const bool has_no_id = request.member_id.empty();
  const std::string id = has_no_id ? Uuid::random(random_).to_string() : std::string(request.member_id);
  if (!config_.consumer_upgrade && !config_.consumer_downgrade)
    return refuse(request.member_id, ErrorCode::kInconsistentGroupProtocol);
  if (consumers_.is_full(group, id)) return refuse("", ErrorCode::kGroupMaxSizeReached);
  const std::vector<GroupProtocol> protocols = to_protocols(request);
  if (request.protocol_type != kConsumerProtocolType || !group.supports_classic(protocols))
    return refuse(request.member_id, ErrorCode::kInconsistentGroupProtocol);
  if (has_no_id && !request.group_instance_id && context.api_version >= kMemberIdRequiredVersion)
    return refuse(id, ErrorCode::kMemberIdRequired);
  const auto subscription = parse_embedded_subscription(protocols.front().metadata);
  if (!subscription) return refuse(request.member_id, ErrorCode::kInconsistentGroupProtocol);
  ConsumerChange change(consumers_, group.id());
  const auto before = admit_classic(group, request, id, change);
  if (!before) return refuse(request.member_id, before.error());

  ConsumerSubscription after = (*before)->subscription;
  if (request.group_instance_id) after.instance_id = std::string(*request.group_instance_id);
  if (subscription->rack_id) after.rack_id = subscription->rack_id;
  after.rebalance_timeout_ms = context.api_version == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
  after.topics = subscription->topics;
  after.topic_regex = "";
  after.client_id = context.client_id;
  after.client_host = context.client_host;
  after.classic = ClassicMembership{request.session_timeout_ms, protocols};
  const bool was_consumer = !(*before)->is_classic();
  const bool names_changed = consumers_.update_subscription(**before, after, change);
  const auto regex = consumers_.update_regex(group, **before, after, change);
  const bool changed = names_changed || *regex != ConsumerGroups::RegexChange::kNone;
  if (changed || group.refresh_due) consumers_.update_epoch(group, changed, change);
  // The last member of the consumer protocol was replaced by this one.
  const bool ends = was_consumer && request.group_instance_id && has_no_id && can_downgrade(group, 0, 0);
  const bool rebalance = group.assignment_epoch() < group.epoch();
  if (!ends) consumers_.update_target(group, now, change);
  const PartitionSets owned = with_ids(subscription->owned, topics_);
  if ((!ends || !rebalance) && !consumers_.reconcile_member(group, id, changed, &owned, now, change))
    return refuse(request.member_id, ErrorCode::kUnknownMemberId);

  const std::shared_ptr<const ConsumerMember> member = group.find(id);
  Owned<protocol::JoinGroupResponse> answer;
  answer.message.member_id = answer.keep(id);
  answer.message.generation_id = member->progress.epoch;
  answer.message.protocol_type = kConsumerProtocolType;
  answer.message.protocol_name = answer.keep(protocols.front().name);
  if (ends) {
    downgrade(group, {}, rebalance, change, now);
  } else {
    ConsumerGroup::Timers& timers = group.timers(id);
    if (timers.join != nullptr) timers.join->cancel();
    consumers_.restart_session(group, *member, now);
    consumers_.arm(timers.sync, GroupTimeout::Kind::kConsumerSync, group, id, milliseconds(after.rebalance_timeout_ms),
                   now);
  }
  append(change, Completion{token, std::move(answer)});
}

std::expected<std::shared_ptr<const ConsumerMember>, ErrorCode> GroupCoordinator::admit_classic(
    ConsumerGroup& group, const JoinGroupRequest& request, const std::string& id, ConsumerChange& change) {
  std::shared_ptr<const ConsumerMember> member =
      request.group_instance_id ? group.find_static(*request.group_instance_id) : group.find(id);
  const bool has_no_id = request.member_id.empty();
  if (member == nullptr) {
    if (request.group_instance_id && !has_no_id) return std::unexpected(ErrorCode::kUnknownMemberId);
    return std::make_shared<const ConsumerMember>(ConsumerMember{.id = id});
  }
  if (request.group_instance_id && has_no_id) return consumers_.replace(group, *member, id, change);
  if (member->id != id) return std::unexpected(ErrorCode::kFencedInstanceId);
  return member;
}

void GroupCoordinator::sync_consumer_group(const protocol::SyncGroupRequest& request, ConsumerGroup& group,
                                           ReplyToken token, GroupTime now) {
  const auto refuse = [&](ErrorCode error) {
    Owned<protocol::SyncGroupResponse> answer;
    answer.message.error_code = protocol::error_field(error);
    reply(token, std::move(answer));
  };
  const auto member = find_classic(group, request.member_id, request.group_instance_id);
  if (!member) return refuse(member.error());
  const ConsumerProgress& progress = (*member)->progress;
  const GroupProtocol& used = (*member)->subscription.classic->protocols.front();
  if (progress.epoch != request.generation_id) return refuse(ErrorCode::kIllegalGeneration);
  if ((request.protocol_type && *request.protocol_type != kConsumerProtocolType) ||
      (request.protocol_name && *request.protocol_name != used.name))
    return refuse(ErrorCode::kInconsistentGroupProtocol);
  // Who is to revoke has joined already.
  if (group.assignment_epoch() > progress.epoch && progress.state != ConsumerMemberState::kUnrevokedPartitions) {
    await_join(group, **member, now);
    return refuse(ErrorCode::kRebalanceInProgress);
  }
  ConsumerGroup::Timers& timers = group.timers((*member)->id);
  if (timers.sync != nullptr) timers.sync->cancel();
  consumers_.restart_session(group, **member, now);
  PartitionSets assigned;
  for (const auto& [topic, epochs] : progress.assigned) {
    for (const auto& [partition, epoch] : epochs) assigned[topic].insert(partition);
  }
  Owned<protocol::SyncGroupResponse> answer;
  answer.message.protocol_type = answer.keep(request.protocol_type);
  answer.message.protocol_name = answer.keep(request.protocol_name);
  answer.message.assignment = answer.keep(ByteView(encode_embedded_assignment(assigned, topics_, used.metadata)));
  ConsumerChange nothing(consumers_, group.id());
  append(nothing, Completion{token, std::move(answer)});
}

// Until its rebalance timeout; what it was told first counts.
void GroupCoordinator::await_join(ConsumerGroup& group, const ConsumerMember& member, GroupTime now) {
  ConsumerGroup::Timers& timers = group.timers(member.id);
  if (timers.join != nullptr && timers.join->armed()) return;
  consumers_.arm(timers.join, GroupTimeout::Kind::kConsumerJoin, group, member.id,
                 milliseconds(member.subscription.rebalance_timeout_ms), now);
}

ErrorCode GroupCoordinator::heartbeat_consumer_group(const protocol::HeartbeatRequest& request, ConsumerGroup& group,
                                                     GroupTime now) {
  const auto member = find_classic(group, request.member_id, request.group_instance_id);
  if (!member) return member.error();
  const ConsumerProgress& progress = (*member)->progress;
  if (progress.epoch != request.generation_id) return ErrorCode::kIllegalGeneration;
  consumers_.restart_session(group, **member, now);
  const bool must_join =
      progress.epoch < group.assignment_epoch() || progress.state == ConsumerMemberState::kUnrevokedPartitions ||
      (progress.state == ConsumerMemberState::kUnreleasedPartitions && !group.waits_for_unreleased(**member));
  if (!must_join) return ErrorCode::kNone;
  await_join(group, **member, now);
  return ErrorCode::kRebalanceInProgress;
}

void GroupCoordinator::leave_consumer_group(const GroupRequestContext& context,
                                            const protocol::LeaveGroupRequest& request, ConsumerGroup& group,
                                            ReplyToken token, GroupTime now) {
  std::vector<std::shared_ptr<const ConsumerMember>> gone;
  const auto leave_one = [&](std::string_view id, const std::optional<std::string_view>& instance_id) {
    const auto member = instance_id ? group.find_static(*instance_id) : group.find(id);
    if (member == nullptr) return ErrorCode::kUnknownMemberId;
    // An operator removes a static member by its instance.
    if (instance_id && !id.empty() && member->id != id) return ErrorCode::kFencedInstanceId;
    if (std::ranges::find(gone, member) == gone.end()) gone.push_back(member);
    return ErrorCode::kNone;
  };
  Owned<protocol::LeaveGroupResponse> answer;
  if (context.api_version < kLeaveManyVersion)
    answer.message.error_code = protocol::error_field(leave_one(request.member_id, std::nullopt));
  for (const auto& leaving : request.members) {
    protocol::LeaveGroupResponse::MemberResponse left;
    left.member_id = answer.keep(leaving.member_id);
    left.group_instance_id = answer.keep(leaving.group_instance_id);
    left.error_code = protocol::error_field(leave_one(leaving.member_id, leaving.group_instance_id));
    answer.message.members.push_back(left);
  }
  ConsumerChange change(consumers_, group.id());
  fence(group, gone, change, now);
  append(change, Completion{token, std::move(answer)});
}

}  // namespace weir::broker
