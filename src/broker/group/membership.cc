// Heartbeat and LeaveGroup.
#include "broker/group/group_coordinator.h"
#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// From this version on several members leave at once, each with an answer of its own.
constexpr int16_t kLeaveManyVersion = 3;

}  // namespace

void GroupCoordinator::heartbeat(const GroupRequestContext&, const protocol::HeartbeatRequest& request,
                                 ReplyToken token, GroupTime now) {
  const auto answer = [&](ErrorCode error) {
    Owned<protocol::HeartbeatResponse> response;
    response.message.error_code = protocol::error_field(error);
    reply(token, std::move(response));
  };
  if (request.group_id.empty()) return answer(ErrorCode::kInvalidGroupId);
  if (ConsumerGroup* consumer = consumers_.find(request.group_id))
    return answer(heartbeat_consumer_group(request, *consumer, now));
  ClassicGroup* group = find(request.group_id);
  if (group == nullptr) return answer(ErrorCode::kUnknownMemberId);
  const ErrorCode error = group->validate(request.member_id, request.group_instance_id);
  if (error != ErrorCode::kNone) return answer(error);
  if (request.generation_id != group->generation()) return answer(ErrorCode::kIllegalGeneration);
  restart_session(*group->find(request.member_id), now);
  answer(group->state() == GroupState::kPreparingRebalance ? ErrorCode::kRebalanceInProgress : ErrorCode::kNone);
}

void GroupCoordinator::leave_group(const GroupRequestContext& context, const protocol::LeaveGroupRequest& request,
                                   ReplyToken token, GroupTime now) {
  if (request.group_id.empty())
    return reply(token, error_answer(request, context.api_version, ErrorCode::kInvalidGroupId));
  if (ConsumerGroup* consumer = consumers_.find(request.group_id))
    return leave_consumer_group(context, request, *consumer, token, now);
  ClassicGroup* group = find(request.group_id);
  Owned<protocol::LeaveGroupResponse> answer;
  bool any_left = false;
  if (context.api_version < kLeaveManyVersion) {
    const ErrorCode error = leave_one(group, request.member_id, std::nullopt);
    any_left = error == ErrorCode::kNone;
    answer.message.error_code = protocol::error_field(error);
  }
  for (const auto& leaving : request.members) {
    const ErrorCode error = leave_one(group, leaving.member_id, leaving.group_instance_id);
    any_left |= error == ErrorCode::kNone;
    protocol::LeaveGroupResponse::MemberResponse left;
    left.member_id = answer.keep(leaving.member_id);
    left.group_instance_id = answer.keep(leaving.group_instance_id);
    left.error_code = protocol::error_field(error);
    answer.message.members.push_back(left);
  }
  const size_t appends_before = effects_.appends.size();
  if (any_left && group->state() != GroupState::kEmpty) rebalance_or_complete_join(*group, now);
  // The last one to leave makes the group empty, which is written: the answer waits for it, so that what follows finds
  // it so.
  if (effects_.appends.size() == appends_before) return reply(token, std::move(answer));
  in_flight_.at(effects_.appends.back().id).replies.push_back({token, std::move(answer)});
}

ErrorCode GroupCoordinator::leave_one(ClassicGroup* group, std::string_view member_id,
                                      const std::optional<std::string_view>& instance_id) {
  if (group == nullptr) return ErrorCode::kUnknownMemberId;
  if (member_id.empty()) {
    // An operator removes a static member by its instance.
    GroupMember* member = instance_id ? group->find_static(*instance_id) : nullptr;
    if (member == nullptr) return ErrorCode::kUnknownMemberId;
    remove_member(*group, *member);
    return ErrorCode::kNone;
  }
  if (group->is_pending(member_id)) {
    group->remove(member_id);
    return ErrorCode::kNone;
  }
  const ErrorCode error = group->validate(member_id, instance_id);
  if (error != ErrorCode::kNone) return error;
  remove_member(*group, *group->find(member_id));
  return ErrorCode::kNone;
}

}  // namespace weir::broker
