// SyncGroup: the leader's assignments on their way to the members, through the log.
#include "base/check.h"
#include "broker/group/group_coordinator.h"

namespace weir::broker {

using protocol::ErrorCode;
using protocol::SyncGroupRequest;

namespace {

// From this version on a member says which protocol it believes in.
constexpr int16_t kProtocolRequiredVersion = 5;

bool contradicts(const std::optional<std::string_view>& said, const std::optional<std::string>& known) {
  return said && (!known || *said != *known);
}

}  // namespace

void GroupCoordinator::sync_group(const GroupRequestContext& context, const SyncGroupRequest& request, ReplyToken token,
                                  GroupTime now) {
  const auto refuse = [&](ErrorCode error) {
    Owned<protocol::SyncGroupResponse> answer;
    answer.message.error_code = protocol::error_field(error);
    reply(token, std::move(answer));
  };
  if (context.api_version >= kProtocolRequiredVersion && (!request.protocol_type || !request.protocol_name))
    return refuse(ErrorCode::kInconsistentGroupProtocol);
  if (request.group_id.empty()) return refuse(ErrorCode::kInvalidGroupId);
  if (ConsumerGroup* consumer = consumers_.find(request.group_id))
    return sync_consumer_group(request, *consumer, token, now);
  ClassicGroup* group = find(request.group_id);
  if (group == nullptr || group->state() == GroupState::kEmpty) return refuse(ErrorCode::kUnknownMemberId);
  const ErrorCode error = group->validate(request.member_id, request.group_instance_id);
  if (error != ErrorCode::kNone) return refuse(error);
  if (request.generation_id != group->generation()) return refuse(ErrorCode::kIllegalGeneration);
  if (contradicts(request.protocol_type, group->protocol_type()) ||
      contradicts(request.protocol_name, group->protocol_name()))
    return refuse(ErrorCode::kInconsistentGroupProtocol);
  if (group->state() == GroupState::kPreparingRebalance) return refuse(ErrorCode::kRebalanceInProgress);
  sync_from_member(request, *group, *group->find(request.member_id), token, now);
}

void GroupCoordinator::sync_from_member(const SyncGroupRequest& request, ClassicGroup& group, GroupMember& member,
                                        ReplyToken token, GroupTime) {
  if (group.sync_arrived(member.id)) group.sync_timer.cancel();
  // A second request of the same member takes over; the first one's connection is most likely gone.
  fail_sync(member, ErrorCode::kRebalanceInProgress);
  member.sync = token;
  if (group.state() == GroupState::kStable) return answer_sync(member, group);
  if (group.is_leader(member.id)) store_assignments(request, group);
}

void GroupCoordinator::store_assignments(const SyncGroupRequest& request, ClassicGroup& group) {
  std::map<std::string, ByteVector> assignments;
  for (const auto& member : group.members()) assignments.emplace(member->id, ByteVector());
  for (const auto& a : request.assignments) {
    // Assignments to those who are not members would only fill the log.
    const auto it = assignments.find(std::string(a.member_id));
    if (it != assignments.end()) it->second = to_vector(a.assignment);
  }
  CoordinatorRecord record = group_record(group, &assignments);
  append(group.id(), one_record(std::move(record)), {}, {},
         [this, id = group.id(), generation = group.generation(), assignments = std::move(assignments)](
             ErrorCode error, GroupTime now) mutable { assignments_stored(id, generation, assignments, error, now); });
}

void GroupCoordinator::assignments_stored(std::string_view group_id, int32_t generation,
                                          std::map<std::string, ByteVector>& assignments, ErrorCode error,
                                          GroupTime now) {
  ClassicGroup* group = find(group_id);
  // Another rebalance may have begun meanwhile: it has answered those who waited.
  if (group == nullptr || group->state() != GroupState::kCompletingRebalance || group->generation() != generation)
    return;
  if (error != ErrorCode::kNone) {
    fail_all_syncs(*group, error, now);
    return prepare_rebalance(*group, now);
  }
  for (const auto& member : group->members()) {
    const auto it = assignments.find(member->id);
    if (it != assignments.end()) group->assign(*member, std::move(it->second));
    if (member->awaits_sync()) restart_session(*member, now);
    answer_sync(*member, *group);
  }
  group->move_to(GroupState::kStable, now.wall);
}

}  // namespace weir::broker
