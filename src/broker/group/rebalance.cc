// The rebalance of a classic group: from the first reason to the answers of all JoinGroups, and the members that are
// lost on the way.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "broker/group/group_coordinator.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// Until a record that nobody waits for is tried again.
constexpr milliseconds kRetryDelay{1000};

}  // namespace

void GroupCoordinator::rebalance_or_complete_join(ClassicGroup& group, GroupTime now) {
  if (group.can_rebalance()) {
    prepare_rebalance(group, now);
  } else {
    complete_join_if_all_joined(group, now);
  }
}

void GroupCoordinator::prepare_rebalance(ClassicGroup& group, GroupTime now) {
  if (group.state() == GroupState::kCompletingRebalance) fail_all_syncs(group, ErrorCode::kRebalanceInProgress, now);
  group.sync_timer.cancel();
  const bool initial = group.state() == GroupState::kEmpty;
  group.move_to(GroupState::kPreparingRebalance, now.wall);
  if (initial) {
    // Members of a new group come one by one: wait for more of them than the first.
    group.newcomer_in_initial_rebalance = false;
    group.initial_delay = config_.initial_rebalance_delay;
    group.initial_remaining = std::max(group.rebalance_timeout() - group.initial_delay, milliseconds(0));
    timers_.arm(group.join_timer, now.monotonic + group.initial_delay);
  } else if (group.all_have_joined()) {
    complete_join(group, now);
  } else {
    timers_.arm(group.join_timer, now.monotonic + group.rebalance_timeout());
  }
}

void GroupCoordinator::join_timer_expired(ClassicGroup& group, GroupTime now) {
  if (group.in_initial_rebalance()) {
    end_of_initial_delay(group, now);
  } else if (group.state() == GroupState::kPreparingRebalance) {
    complete_join(group, now);
  } else if (group.state() == GroupState::kEmpty) {
    write_empty_group(group);
  }
}

void GroupCoordinator::end_of_initial_delay(ClassicGroup& group, GroupTime now) {
  if (!group.newcomer_in_initial_rebalance || group.initial_remaining == milliseconds(0))
    return complete_join(group, now);
  group.newcomer_in_initial_rebalance = false;
  const milliseconds delay = std::min(config_.initial_rebalance_delay, group.initial_remaining);
  group.initial_remaining = std::max(group.initial_remaining - group.initial_delay, milliseconds(0));
  group.initial_delay = delay;
  timers_.arm(group.join_timer, now.monotonic + delay);
}

void GroupCoordinator::complete_join_if_all_joined(ClassicGroup& group, GroupTime now) {
  if (group.state() != GroupState::kPreparingRebalance || group.in_initial_rebalance()) return;
  if (group.all_have_joined()) complete_join(group, now);
}

void GroupCoordinator::complete_join(ClassicGroup& group, GroupTime now) {
  group.join_timer.cancel();
  std::vector<GroupMember*> lost;  // static members may be away for a while: their sessions decide
  for (const auto& member : group.members()) {
    if (!member->awaits_join() && !member->instance_id) lost.push_back(member.get());
  }
  for (GroupMember* member : lost) remove_member(group, *member);
  if (!group.members().empty() && !group.elect_joined_leader()) {
    // Only static members are left and none has joined: their sessions will end, or they will come.
    timers_.arm(group.join_timer, now.monotonic + group.rebalance_timeout());
    return;
  }
  group.begin_generation(now.wall);
  log_debug("group", "began a generation", kv("group", group.id()), kv("generation", group.generation()),
            kv("members", group.members().size()));
  if (group.state() == GroupState::kEmpty) return write_empty_group(group);
  for (const auto& member : group.members()) {
    answer_join(*member, group, false);
    restart_session(*member, now);
    member->is_new = false;
    group.expect_sync(*member);
  }
  timers_.arm(group.sync_timer, now.monotonic + group.rebalance_timeout());
}

void GroupCoordinator::write_empty_group(ClassicGroup& group) {
  Outcome outcome = [this, id = group.id(), generation = group.generation()](ErrorCode error, GroupTime now) {
    ClassicGroup* present = find(id);
    if (error == ErrorCode::kNone || present == nullptr || present->state() != GroupState::kEmpty) return;
    // As long as the log has members that are gone, a failover would bring them back, in a generation that is over.
    if (present->generation() == generation) timers_.arm(present->join_timer, now.monotonic + kRetryDelay);
  };
  append(group.id(), one_record(group_record(group, nullptr)), {}, {}, std::move(outcome));
}

void GroupCoordinator::sync_expired(ClassicGroup& group, GroupTime now) {
  if (group.state() != GroupState::kCompletingRebalance && group.state() != GroupState::kStable) return;
  if (group.pending_sync().empty()) return;
  for (const std::string& id : std::set(group.pending_sync())) {
    GroupMember* member = group.find(id);
    CHECK(member != nullptr, "group {} waits for {} which is no member", group.id(), id);
    remove_member(group, *member);
  }
  prepare_rebalance(group, now);
}

void GroupCoordinator::restart_session(GroupMember& member, GroupTime now) {
  timers_.arm(*member.session, now.monotonic + milliseconds(member.session_timeout_ms));
}

void GroupCoordinator::remove_member(ClassicGroup& group, GroupMember& member) {
  const std::string id = member.id;
  // Whoever still waits under this id shall begin anew, without an id.
  fail_join(group, member, "", ErrorCode::kUnknownMemberId);
  fail_sync(member, ErrorCode::kUnknownMemberId);
  group.remove(id);
}

void GroupCoordinator::session_expired(ClassicGroup& group, std::string_view member_id, GroupTime now) {
  GroupMember* member = group.find(member_id);
  if (member == nullptr || member->session->armed()) return;
  // Who waits for an answer cannot send heartbeats, and its session starts again with the answer. A newcomer is the
  // exception: it may have given up waiting.
  if (!member->is_new && (member->awaits_join() || member->awaits_sync())) return;
  log_debug("group", "a session has ended", kv("group", group.id()), kv("member", member_id));
  remove_member(group, *member);
  if (group.state() == GroupState::kPreparingRebalance) {
    if (group.all_have_joined()) complete_join(group, now);
  } else if (group.state() != GroupState::kEmpty) {
    prepare_rebalance(group, now);
  }
}

void GroupCoordinator::pending_expired(ClassicGroup& group, std::string_view member_id, GroupTime now) {
  if (!group.is_pending(member_id)) return;
  group.remove(member_id);
  if (group.state() == GroupState::kPreparingRebalance && group.all_have_joined()) complete_join(group, now);
  forget_if_nothing(std::string(group.id()));
}

void GroupCoordinator::answer_join(GroupMember& member, ClassicGroup& group, bool skip_assignment) {
  if (!member.awaits_join()) return;
  Owned<protocol::JoinGroupResponse> answer;
  auto& message = answer.message;
  message.generation_id = group.generation();
  message.protocol_type = answer.keep(group.protocol_type());
  message.protocol_name = answer.keep(group.protocol_name());
  message.leader = answer.keep(group.leader().value_or(""));
  message.skip_assignment = skip_assignment;
  message.member_id = answer.keep(member.id);
  if (group.is_leader(member.id)) {
    const std::string protocol = group.protocol_name().value_or("");
    for (const auto& other : group.members()) {
      protocol::JoinGroupResponse::JoinGroupResponseMember listed;
      listed.member_id = answer.keep(other->id);
      listed.group_instance_id = answer.keep(other->instance_id);
      listed.metadata = answer.keep(other->metadata(protocol));
      message.members.push_back(listed);
    }
  }
  reply(group.take_join(member), std::move(answer));
}

void GroupCoordinator::answer_follower(GroupMember& member, ClassicGroup& group, const std::string& leader) {
  Owned<protocol::JoinGroupResponse> answer;
  answer.message.generation_id = group.generation();
  answer.message.protocol_type = answer.keep(group.protocol_type());
  answer.message.protocol_name = answer.keep(group.protocol_name());
  answer.message.leader = answer.keep(leader);
  answer.message.member_id = answer.keep(member.id);
  reply(group.take_join(member), std::move(answer));
}

void GroupCoordinator::fail_join(ClassicGroup& group, GroupMember& member, std::string_view member_id,
                                 ErrorCode error) {
  if (!member.awaits_join()) return;
  Owned<protocol::JoinGroupResponse> answer;
  answer.message.error_code = protocol::error_field(error);
  answer.message.protocol_name.reset();
  answer.message.member_id = answer.keep(member_id);
  reply(group.take_join(member), std::move(answer));
}

void GroupCoordinator::answer_sync(GroupMember& member, const ClassicGroup& group) {
  if (!member.awaits_sync()) return;
  Owned<protocol::SyncGroupResponse> answer;
  answer.message.protocol_type = answer.keep(group.protocol_type());
  answer.message.protocol_name = answer.keep(group.protocol_name());
  answer.message.assignment = answer.keep(member.assignment);
  reply(std::exchange(member.sync, kNoReply), std::move(answer));
}

void GroupCoordinator::fail_sync(GroupMember& member, ErrorCode error) {
  if (!member.awaits_sync()) return;
  Owned<protocol::SyncGroupResponse> answer;
  answer.message.error_code = protocol::error_field(error);
  reply(std::exchange(member.sync, kNoReply), std::move(answer));
}

void GroupCoordinator::fail_all_syncs(ClassicGroup& group, ErrorCode error, GroupTime now) {
  for (const auto& member : group.members()) {
    group.assign(*member, {});
    // It has been waiting without heartbeats; give it the time to come back.
    if (member->awaits_sync()) restart_session(*member, now);
    fail_sync(*member, error);
  }
}

}  // namespace weir::broker
