// Groups on their way from the classic protocol to the consumer protocol, and back, while their members stay.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "broker/group/embedded_protocol.h"
#include "broker/group/group_coordinator.h"
#include "broker/group/group_records.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

constexpr std::string_view kConsumerProtocolType = "consumer";

GroupError cannot_upgrade(std::string_view group_id, std::string_view why) {
  return {ErrorCode::kGroupIdNotFound,
          fmt::format("Cannot upgrade classic group {} to consumer group because {}.", group_id, why)};
}

struct Upgraded {
  std::string id;
  ConsumerSubscription subscription;
  ConsumerProgress progress;
  PartitionSets target;
};

// The member as it is in the classic group's last generation.
Decided<Upgraded> upgraded(const ClassicGroup& group, const GroupMember& member, const TopicCatalog& topics) {
  const auto malformed = [&] {
    return std::unexpected(cannot_upgrade(group.id(), "the embedded consumer protocol is malformed"));
  };
  Upgraded to{.id = member.id};
  const auto subscription = parse_embedded_subscription(member.metadata(group.protocol_name().value_or("")));
  if (!subscription) return malformed();
  if (!member.assignment.empty()) {
    const auto assignment = parse_embedded_assignment(member.assignment);
    if (!assignment) return malformed();
    if (assignment->has_user_data)
      return std::unexpected(cannot_upgrade(
          group.id(),
          "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor "
          "before re-attempting the upgrade"));
    to.target = with_ids(assignment->partitions, topics);
  }
  to.subscription = {.instance_id = member.instance_id,
                     .rack_id = subscription->rack_id,
                     .client_id = member.client_id,
                     .client_host = member.client_host,
                     .topics = subscription->topics,
                     .rebalance_timeout_ms = member.rebalance_timeout_ms,
                     .classic = ClassicMembership{member.session_timeout_ms, member.protocols}};
  to.progress = {.epoch = group.generation(), .previous_epoch = group.generation()};
  for (const auto& [topic, partitions] : to.target) {
    for (const int32_t partition : partitions) to.progress.assigned[topic].emplace(partition, group.generation());
  }
  return to;
}

}  // namespace

std::optional<GroupError> GroupCoordinator::upgrade(ClassicGroup& group, ConsumerChange& change, GroupTime now) {
  const std::string id = group.id();
  if (!config_.consumer_upgrade) return cannot_upgrade(id, "online upgrade is disabled");
  if (group.protocol_type() != kConsumerProtocolType)
    return cannot_upgrade(id, "the group does not use the consumer embedded protocol");
  if (group.members().size() > static_cast<size_t>(config_.consumer_group_size_max))
    return cannot_upgrade(id, "the group size exceeds the consumer group maximum size");
  std::vector<Upgraded> members;
  for (const auto& member : group.members()) {
    auto one = upgraded(group, *member, topics_);
    if (!one) return one.error();
    members.push_back(*std::move(one));
  }
  const int32_t epoch = group.generation();
  for (const auto& member : group.members()) {
    fail_join(group, *member, member->id, ErrorCode::kRebalanceInProgress);
    fail_sync(*member, ErrorCode::kRebalanceInProgress);
  }
  give_up_classic(id, change);
  for (const Upgraded& member : members) change.put(ConsumerMemberRecord{id, member.id, member.subscription});
  consumers_.begin_at(id, epoch, change);
  for (Upgraded& member : members) change.put(ConsumerTargetRecord{id, member.id, std::move(member.target)});
  change.put(ConsumerAssignmentRecord{id, {{epoch, Timestamp{0}}}});
  for (Upgraded& member : members) change.put(ConsumerProgressRecord{id, member.id, std::move(member.progress)});
  ConsumerGroup& consumer = *consumers_.find(id);
  for (const auto& [member_id, member] : consumer.members()) consumers_.restart_session(consumer, *member, now);
  log_info("group", "a classic group becomes a consumer group", kv("group", id), kv("members", members.size()));
  return std::nullopt;
}

bool GroupCoordinator::can_downgrade(const ConsumerGroup& group, size_t leaving, size_t leaving_classic) const {
  const size_t staying = group.members().size() - leaving;
  return config_.consumer_downgrade && staying > 0 && group.classic_members() - leaving_classic == staying &&
         staying <= static_cast<size_t>(config_.group_size_max);
}

void GroupCoordinator::fence(ConsumerGroup& group, const std::vector<std::shared_ptr<const ConsumerMember>>& members,
                             ConsumerChange& change, GroupTime now) {
  if (members.empty()) return;
  const auto classic =
      static_cast<size_t>(std::ranges::count_if(members, [](const auto& member) { return member->is_classic(); }));
  if (!can_downgrade(group, members.size(), classic)) return consumers_.fence(group, members, change);
  std::set<std::string, std::less<>> leaving;
  for (const auto& member : members) leaving.insert(member->id);
  downgrade(group, leaving, true, change, now);
}

void GroupCoordinator::downgrade(const ConsumerGroup& group, const std::set<std::string, std::less<>>& leaving,
                                 bool rebalance, ConsumerChange& change, GroupTime now) {
  const std::string& id = change.group_id();
  auto made = std::make_unique<ClassicGroup>(id, expired_, groups_memory_bytes_, now.wall);
  ClassicGroup& classic = *made;
  for (const auto& [member_id, member] : group.members()) {
    if (leaving.contains(member_id)) continue;
    const ConsumerSubscription& subscription = member->subscription;
    GroupMember to;
    to.id = member_id;
    to.instance_id = subscription.instance_id;
    to.client_id = subscription.client_id;
    to.client_host = subscription.client_host;
    to.rebalance_timeout_ms = subscription.rebalance_timeout_ms;
    to.session_timeout_ms = subscription.classic->session_timeout_ms;
    to.protocols = subscription.classic->protocols;
    to.assignment = encode_embedded_assignment(group.target(member_id), topics_, to.protocols.front().metadata);
    classic.add(std::move(to), kConsumerProtocolType);
  }
  classic.become_stable(group.epoch(), now.wall);
  consumers_.remove(group, change);
  change.add(group_record(classic, nullptr));
  groups_.emplace(id, std::move(made));
  change.on_undo([this, id] {
    ClassicGroup& gone = *find(id);
    for (const auto& member : gone.members()) {
      fail_join(gone, *member, member->id, ErrorCode::kCoordinatorNotAvailable);
      fail_sync(*member, ErrorCode::kCoordinatorNotAvailable);
    }
    erase_group(id);
  });
  for (const auto& member : classic.members()) restart_session(*member, now);
  if (rebalance) prepare_rebalance(classic, now);
  log_info("group", "a consumer group becomes a classic group", kv("group", id),
           kv("members", classic.members().size()));
}

}  // namespace weir::broker
