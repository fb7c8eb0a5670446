// JoinGroup: who may join, and as whom. What follows from it is in rebalance.cc.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "broker/group/group_coordinator.h"
#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::ErrorCode;
using protocol::JoinGroupRequest;

namespace {

// From these versions on a member without id is told one and must come back with it, and a static leader may be spared
// an assignment.
constexpr int16_t kMemberIdRequiredVersion = 4;
constexpr int16_t kSkipAssignmentVersion = 9;
constexpr size_t kStringSizeMax = INT16_MAX;

// Version 0 has one timeout for both.
int32_t rebalance_timeout_ms(const GroupRequestContext& context, const JoinGroupRequest& request) {
  return context.api_version == 0 ? request.session_timeout_ms : request.rebalance_timeout_ms;
}

Owned<protocol::JoinGroupResponse> refusal(std::string_view member_id, ErrorCode error) {
  Owned<protocol::JoinGroupResponse> answer;
  answer.message.error_code = protocol::error_field(error);
  answer.message.protocol_name.reset();
  answer.message.member_id = answer.keep(member_id);
  return answer;
}

}  // namespace

void GroupCoordinator::join_group(const GroupRequestContext& context, const JoinGroupRequest& request, ReplyToken token,
                                  GroupTime now) {
  const auto refuse = [&](std::string_view member_id, ErrorCode error) { reply(token, refusal(member_id, error)); };
  if (request.group_id.empty()) return refuse(request.member_id, ErrorCode::kInvalidGroupId);
  if (request.session_timeout_ms < config_.session_timeout_min_ms ||
      request.session_timeout_ms > config_.session_timeout_max_ms)
    return refuse(request.member_id, ErrorCode::kInvalidSessionTimeout);
  if (foreign_.contains(request.group_id)) return refuse("", ErrorCode::kInconsistentGroupProtocol);
  if (ConsumerGroup* consumer = consumers_.find(request.group_id)) {
    if (!consumer->members().empty()) return join_consumer_group(context, request, *consumer, token, now);
    if (!request.member_id.empty()) return refuse(request.member_id, ErrorCode::kUnknownMemberId);
    // An empty one makes way.
    ConsumerChange change(consumers_, request.group_id);
    consumers_.remove(*consumer, change);
    append(change, std::nullopt);
  }
  const bool has_no_id = request.member_id.empty();
  ClassicGroup* group = find(request.group_id);
  const bool is_new = group == nullptr;
  if (is_new) {
    if (!has_no_id) return refuse(request.member_id, ErrorCode::kUnknownMemberId);
    group = &find_or_create(request.group_id, now);
  }
  if (const ErrorCode error = admit(*group, request.member_id); error != ErrorCode::kNone) {
    if (GroupMember* member = group->find(request.member_id)) remove_member(*group, *member);
    group->remove(request.member_id);
    refuse("", error);
  } else if (has_no_id) {
    join_new_member(context, request, *group, token, now);
  } else {
    join_known_member(context, request, *group, token, now);
  }
  if (!is_new) return;
  if (group->members().empty() && group->pending_count() == 0) {
    erase_group(request.group_id);  // nothing came of it
  } else {
    create_group_in_log(*group);
  }
}

ErrorCode GroupCoordinator::admit(const ClassicGroup& group, std::string_view member_id) const {
  const auto limit = static_cast<size_t>(config_.group_size_max);
  const GroupMember* member = group.find(member_id);
  if (member == nullptr && memory_bytes() >= config_.memory_max_bytes) return ErrorCode::kGroupMaxSizeReached;
  bool fits = true;
  switch (group.state()) {
    case GroupState::kEmpty:
      break;
    case GroupState::kPreparingRebalance:
      // Those who have joined again count, not those who are known: the first ones to come stay.
      fits = (member != nullptr && member->awaits_join()) || group.awaiting_join_count() < limit;
      break;
    case GroupState::kCompletingRebalance:
    case GroupState::kStable:
      fits = member != nullptr || group.members().size() < limit;
      break;
  }
  return fits ? ErrorCode::kNone : ErrorCode::kGroupMaxSizeReached;
}

std::string GroupCoordinator::new_member_id(std::string_view prefix) {
  const uint64_t high = (random_.next() & ~uint64_t{0xf000}) | 0x4000;
  const uint64_t low = (random_.next() >> 2) | (uint64_t{1} << 63);
  const std::string uuid = fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                                       high & 0xffff, low >> 48, low & 0xffffffffffff);
  // The id must fit a string of the protocol, whatever the client is called.
  return fmt::format("{}-{}", prefix.substr(0, kStringSizeMax - uuid.size() - 1), uuid);
}

void GroupCoordinator::join_new_member(const GroupRequestContext& context, const JoinGroupRequest& request,
                                       ClassicGroup& group, ReplyToken token, GroupTime now) {
  if (!group.supports(request)) return reply(token, refusal("", ErrorCode::kInconsistentGroupProtocol));
  std::string id = new_member_id(request.group_instance_id.value_or(context.client_id));
  if (request.group_instance_id) return join_new_instance(context, request, group, std::move(id), token, now);
  if (context.api_version < kMemberIdRequiredVersion)
    return add_member(context, request, group, std::move(id), token, now);
  if (group.pending_count() >= config_.pending_members_max)
    return reply(token, refusal("", ErrorCode::kGroupMaxSizeReached));
  group.add_pending(id);
  timers_.arm(group.pending_timer(id), now.monotonic + milliseconds(request.session_timeout_ms));
  reply(token, refusal(id, ErrorCode::kMemberIdRequired));
}

void GroupCoordinator::join_new_instance(const GroupRequestContext& context, const JoinGroupRequest& request,
                                         ClassicGroup& group, std::string member_id, ReplyToken token, GroupTime now) {
  if (GroupMember* member = group.find_static(*request.group_instance_id)) {
    replace_static_member(context, request, group, *member, member_id, token, now);
  } else {
    add_member(context, request, group, std::move(member_id), token, now);
  }
}

void GroupCoordinator::join_known_member(const GroupRequestContext& context, const JoinGroupRequest& request,
                                         ClassicGroup& group, ReplyToken token, GroupTime now) {
  const auto refuse = [&](ErrorCode error) { reply(token, refusal(request.member_id, error)); };
  if (!group.supports(request)) return refuse(ErrorCode::kInconsistentGroupProtocol);
  if (group.is_pending(request.member_id)) {
    // Ids are given out to members without instance only; one that claims it now is not who asked.
    if (request.group_instance_id) return refuse(ErrorCode::kUnknownServerError);
    return add_member(context, request, group, std::string(request.member_id), token, now);
  }
  const ErrorCode error = group.validate(request.member_id, request.group_instance_id);
  if (error != ErrorCode::kNone) return refuse(error);
  GroupMember& member = *group.find(request.member_id);
  const bool same = member.speaks(request);
  switch (group.state()) {
    case GroupState::kEmpty:
      return refuse(ErrorCode::kUnknownMemberId);
    case GroupState::kPreparingRebalance:
      update_member(context, request, group, member, token);
      return complete_join_if_all_joined(group, now);
    case GroupState::kCompletingRebalance:
      if (same) break;  // it missed the answer and asks for it again
      update_member(context, request, group, member, token);
      return prepare_rebalance(group, now);
    case GroupState::kStable:
      // A leader that joins again wants to assign anew, e.g. since a topic has grown.
      if (same && !group.is_leader(member.id)) break;
      update_member(context, request, group, member, token);
      return prepare_rebalance(group, now);
  }
  group.await_join(member, token);
  answer_join(member, group, false);
}

void GroupCoordinator::add_member(const GroupRequestContext& context, const JoinGroupRequest& request,
                                  ClassicGroup& group, std::string member_id, ReplyToken token, GroupTime now) {
  GroupMember member;
  member.id = std::move(member_id);
  if (request.group_instance_id) member.instance_id = std::string(*request.group_instance_id);
  member.client_id = context.client_id;
  member.client_host = context.client_host;
  member.rebalance_timeout_ms = rebalance_timeout_ms(context, request);
  member.session_timeout_ms = request.session_timeout_ms;
  member.protocols = to_protocols(request);
  member.is_new = true;
  if (group.in_initial_rebalance()) group.newcomer_in_initial_rebalance = true;
  GroupMember& added = group.add(std::move(member), request.protocol_type);
  group.await_join(added, token);
  // A newcomer cannot send heartbeats, as it waits for its id. It may have gone and asked again under another id, so it
  // is not kept for longer than this.
  timers_.arm(*added.session, now.monotonic + config_.new_member_timeout);
  rebalance_or_complete_join(group, now);
}

void GroupCoordinator::update_member(const GroupRequestContext& context, const JoinGroupRequest& request,
                                     ClassicGroup& group, GroupMember& member, ReplyToken token) {
  // A second request of the same member takes over; the first one's connection is most likely gone.
  fail_join(group, member, member.id, ErrorCode::kRebalanceInProgress);
  group.update(member, to_protocols(request), rebalance_timeout_ms(context, request), request.session_timeout_ms);
  group.await_join(member, token);
}

void GroupCoordinator::replace_static_member(const GroupRequestContext& context, const JoinGroupRequest& request,
                                             ClassicGroup& group, GroupMember& member, const std::string& new_id,
                                             ReplyToken token, GroupTime now) {
  const std::string old_id = member.id;
  fail_join(group, member, old_id, ErrorCode::kFencedInstanceId);
  fail_sync(member, ErrorCode::kFencedInstanceId);
  group.rename(member, new_id);
  restart_session(member, now);
  ReplacedMember before{old_id, member.protocols, member.rebalance_timeout_ms, member.session_timeout_ms};
  update_member(context, request, group, member, token);
  switch (group.state()) {
    case GroupState::kStable:
      if (group.protocol_name() != group.select_protocol()) return prepare_rebalance(group, now);
      return store_replaced_member(group, new_id, std::move(before), context.api_version >= kSkipAssignmentVersion);
    case GroupState::kCompletingRebalance:
      return prepare_rebalance(group, now);
    case GroupState::kPreparingRebalance:
      return complete_join_if_all_joined(group, now);
    case GroupState::kEmpty:
      CHECK(false, "the empty group {} has the member {}", group.id(), new_id);
  }
}

void GroupCoordinator::store_replaced_member(ClassicGroup& group, const std::string& new_id, ReplacedMember before,
                                             bool may_skip) {
  Outcome outcome = [this, group_id = group.id(), new_id, before = std::move(before), may_skip](ErrorCode error,
                                                                                                GroupTime now) {
    ClassicGroup* present = find(group_id);
    GroupMember* member = present == nullptr ? nullptr : present->find(new_id);
    if (member == nullptr) return;
    if (error != ErrorCode::kNone) {
      fail_join(*present, *member, "", error);
      fail_sync(*member, error);
      present->update(*member, before.protocols, before.rebalance_timeout_ms, before.session_timeout_ms);
      present->rename(*member, before.id);
      return restart_session(*member, now);
    }
    if (!member->awaits_join()) return;
    // Before version 9 a leader cannot be told that its assignment still stands. It is told the leader's old id, so
    // that it takes itself for a follower and asks for its assignment.
    if (may_skip) return answer_join(*member, *present, present->is_leader(new_id));
    const bool led = present->is_leader(new_id);
    answer_follower(*member, *present, led ? before.id : present->leader().value_or(""));
  };
  append(group.id(), one_record(group_record(group, nullptr)), {}, {}, std::move(outcome));
}

void GroupCoordinator::create_group_in_log(ClassicGroup& group) {
  Outcome outcome = [this, group_id = group.id()](ErrorCode error, GroupTime) {
    ClassicGroup* present = find(group_id);
    if (error == ErrorCode::kNone || present == nullptr || present->persisted || is_being_written(group_id)) return;
    // A group that the log does not know must not have members: they would lose it at the next failover.
    for (const auto& member : present->members()) {
      fail_join(*present, *member, "", error);
      fail_sync(*member, error);
    }
    erase_group(group_id);
  };
  append(group.id(), one_record(new_group_record(group)), {}, {}, std::move(outcome));
}

}  // namespace weir::broker
