// Members that leave or are lost, static members that come back, and groups that are deleted.
#include <fmt/format.h>

#include "base/log.h"
#include "broker/group/consumer_groups.h"

namespace weir::broker {

using protocol::ConsumerGroupHeartbeatRequest;
using protocol::ErrorCode;

namespace {

std::unexpected<GroupError> refuse(ErrorCode code, std::string message) {
  return std::unexpected(GroupError{code, std::move(message)});
}

// The order matters: a member that has something or is to have something cannot go.
void remove_member(const std::string& group_id, const std::string& member_id, ConsumerChange& change) {
  change.put(ConsumerProgressRecord{group_id, member_id, std::nullopt});
  change.put(ConsumerTargetRecord{group_id, member_id, std::nullopt});
  change.put(ConsumerMemberRecord{group_id, member_id, std::nullopt});
}

}  // namespace

Decided<ConsumerGroups::Leaving> ConsumerGroups::leave(const ConsumerGroupHeartbeatRequest& request,
                                                       ConsumerChange& change) {
  ConsumerGroup* group = find(request.group_id);
  if (group == nullptr)
    return refuse(ErrorCode::kGroupIdNotFound, fmt::format("Group {} not found.", request.group_id));
  std::shared_ptr<const ConsumerMember> member =
      request.instance_id ? group->find_static(*request.instance_id) : group->find(request.member_id);
  if (member == nullptr)
    return refuse(ErrorCode::kUnknownMemberId,
                  request.instance_id
                      ? fmt::format("Instance id {} is unknown.", *request.instance_id)
                      : fmt::format("Member {} is not a member of group {}.", request.member_id, request.group_id));
  if (request.instance_id && member->id != request.member_id)
    return refuse(ErrorCode::kFencedInstanceId,
                  fmt::format("Static member {} with instance id {} was fenced by member {}.", request.member_id,
                              *request.instance_id, member->id));
  Leaving leaving;
  leaving.answer.message.member_id = leaving.answer.keep(member->id);
  leaving.answer.message.member_epoch = request.member_epoch;
  log_debug("group", "a member leaves", kv("group", group->id()), kv("member", member->id));
  if (request.instance_id && request.member_epoch == kLeaveStaticEpoch) {
    // It will be back within its session, and finds what it had; under another id, so from epoch 0 on.
    ConsumerProgress away = member->progress;
    away.epoch = kLeaveStaticEpoch;
    away.to_revoke.clear();
    for (auto& [topic, epochs] : away.assigned) {
      for (auto& [partition, epoch] : epochs) epoch = 0;
    }
    change.put(ConsumerProgressRecord{group->id(), member->id, std::move(away)});
  } else {
    leaving.gone.push_back(std::move(member));
  }
  return leaving;
}

void ConsumerGroups::fence(ConsumerGroup& group, std::span<const std::shared_ptr<const ConsumerMember>> members,
                           ConsumerChange& change) {
  for (const auto& member : members) remove_member(group.id(), member->id, change);
  for (const auto& member : members) {
    const ConsumerSubscription& subscription = member->subscription;
    if (!subscription.has_regex() || group.regex_subscribers(*subscription.topic_regex) > 0) continue;
    change.put(ConsumerRegexRecord{group.id(), *subscription.topic_regex, std::nullopt});
  }
  update_epoch(group, true, change);
  for (const auto& member : members) group.drop_timers(member->id);
}

std::shared_ptr<const ConsumerMember> ConsumerGroups::timed_out(const GroupTimeout& timeout) {
  ConsumerGroup* group = find(timeout.group_id);
  if (group == nullptr) return nullptr;
  std::shared_ptr<const ConsumerMember> member = group->find(timeout.member_id);
  if (member == nullptr) {
    group->drop_timers(timeout.member_id);
    return nullptr;
  }
  const ConsumerGroup::Timers& timers = group->timers(timeout.member_id);
  const auto armed_again = [](const std::unique_ptr<GroupTimer>& timer) { return timer != nullptr && timer->armed(); };
  switch (timeout.kind) {
    case GroupTimeout::Kind::kConsumerSession:
      return armed_again(timers.session) ? nullptr : member;
    case GroupTimeout::Kind::kConsumerRebalance:
      // It may have gone on since.
      return armed_again(timers.rebalance) || member->progress.epoch != timers.rebalance_epoch ? nullptr : member;
    case GroupTimeout::Kind::kConsumerJoin:
      return armed_again(timers.join) ? nullptr : member;
    case GroupTimeout::Kind::kConsumerSync:
      return armed_again(timers.sync) ? nullptr : member;
    default:
      return nullptr;
  }
}

void ConsumerGroups::remove(const ConsumerGroup& group, ConsumerChange& change) {
  // The group goes in between.
  const std::string& id = change.group_id();
  std::vector<std::string> members;
  for (const auto& [member_id, member] : group.members()) members.push_back(member_id);
  std::vector<std::string> regexes;
  for (const auto& [regex, resolved] : group.regexes()) regexes.push_back(regex);
  for (const auto& member_id : members) change.put(ConsumerProgressRecord{id, member_id, std::nullopt});
  for (const auto& member_id : members) change.put(ConsumerTargetRecord{id, member_id, std::nullopt});
  change.put(ConsumerAssignmentRecord{id, std::nullopt});
  for (const auto& member_id : members) change.put(ConsumerMemberRecord{id, member_id, std::nullopt});
  for (const auto& regex : regexes) change.put(ConsumerRegexRecord{id, regex, std::nullopt});
  change.put(ConsumerPartitionMetadataRecord{id, false});
  change.put(ConsumerEpochRecord{id, std::nullopt});
}

std::shared_ptr<const ConsumerMember> ConsumerGroups::replace(ConsumerGroup& group, const ConsumerMember& member,
                                                              const std::string& new_id, ConsumerChange& change) {
  PartitionSets target = group.target(member.id);
  ConsumerSubscription subscription = member.subscription;
  ConsumerProgress progress = member.progress;
  progress.epoch = 0;
  progress.previous_epoch = 0;
  remove_member(group.id(), std::string(member.id), change);
  change.put(ConsumerMemberRecord{group.id(), new_id, std::move(subscription)});
  change.put(ConsumerTargetRecord{group.id(), new_id, std::move(target)});
  change.put(ConsumerProgressRecord{group.id(), new_id, std::move(progress)});
  return group.find(new_id);
}

}  // namespace weir::broker
