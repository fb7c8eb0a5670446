#include "broker/group/consumer_groups.h"

#include <algorithm>
#include <ranges>

#include "base/log.h"
#include "broker/group/metadata_hash.h"
#include "broker/group/reconciliation.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

std::shared_ptr<ConsumerMember> copy_or_new(const ConsumerGroup& group, const std::string& member_id) {
  const std::shared_ptr<const ConsumerMember> present = group.find(member_id);
  if (present != nullptr) return std::make_shared<ConsumerMember>(*present);
  auto member = std::make_shared<ConsumerMember>();
  member->id = member_id;
  return member;
}

// How each record changes its group; tombstones of what is not there change nothing.
struct Applier {
  ConsumerGroup& group;

  Undo operator()(const ConsumerEpochRecord& record) const {
    return group.set_epoch(record.value->epoch, record.value->metadata_hash);
  }
  Undo operator()(const ConsumerPartitionMetadataRecord& record) const {
    return group.set_partition_metadata(record.exists);
  }
  Undo operator()(const ConsumerMemberRecord& record) const {
    if (!record.value) return group.set_member(record.member_id, nullptr);
    auto member = copy_or_new(group, record.member_id);
    member->subscription = *record.value;
    return group.set_member(record.member_id, std::move(member));
  }
  Undo operator()(const ConsumerAssignmentRecord& record) const {
    if (!record.value) return group.set_assignment(0, Timestamp{0});
    return group.set_assignment(record.value->epoch, record.value->time);
  }
  Undo operator()(const ConsumerTargetRecord& record) const {
    if (!record.value) return group.set_target(record.member_id, nullptr);
    return group.set_target(record.member_id, std::make_shared<PartitionSets>(*record.value));
  }
  Undo operator()(const ConsumerProgressRecord& record) const {
    if (!record.value && group.find(record.member_id) == nullptr) return [] {};
    auto member = copy_or_new(group, record.member_id);
    // Without assignment the member is about to go.
    member->progress = record.value.value_or(ConsumerProgress{.epoch = kLeaveEpoch, .previous_epoch = kLeaveEpoch});
    return group.set_member(record.member_id, std::move(member));
  }
  Undo operator()(const ConsumerRegexRecord& record) const {
    if (!record.value) return group.set_regex(record.regex, nullptr);
    return group.set_regex(record.regex, std::make_shared<ResolvedRegex>(*record.value));
  }
};

bool is_tombstone(const ConsumerRecord& record) {
  return std::visit(
      [](const auto& r) {
        if constexpr (requires { r.exists; }) {
          return !r.exists;
        } else {
          return !r.value.has_value();
        }
      },
      record);
}

}  // namespace

void ConsumerChange::put(const ConsumerRecord& record) {
  records_.push_back(encode_record(record));
  undo_.push_back(groups_.apply(record));
}

void ConsumerChange::undo_all(std::vector<Undo>& undo) {
  for (Undo& one : std::views::reverse(undo)) one();
  undo.clear();
}

ConsumerGroup* ConsumerGroups::find(std::string_view group_id) const {
  const auto it = groups_.find(group_id);
  return it == groups_.end() ? nullptr : it->second.get();
}

Undo ConsumerGroups::apply(const ConsumerRecord& record) {
  const std::string& id = group_id_of(record);
  const auto it = groups_.find(id);
  const auto* epoch = std::get_if<ConsumerEpochRecord>(&record);
  if (it == groups_.end()) {
    if (is_tombstone(record)) return [] {};
    auto& made = groups_.emplace(id, std::make_unique<ConsumerGroup>(id, memory_bytes_)).first->second;
    return [this, id, undo = std::visit(Applier{*made}, record)]() mutable {
      undo();
      groups_.erase(id);
    };
  }
  if (epoch != nullptr && !epoch->value) {
    // Last of a group's tombstones. Kept until the log has it, with its timers.
    return [this, gone = groups_.extract(it)]() mutable { groups_.insert(std::move(gone)); };
  }
  return std::visit(Applier{*it->second}, record);
}

ConsumerGroup& ConsumerGroups::find_or_create(std::string_view group_id, ConsumerChange& change) {
  const auto it = groups_.find(group_id);
  if (it != groups_.end()) return *it->second;
  const std::string id(group_id);
  change.on_undo([this, id] { groups_.erase(id); });
  return *groups_.emplace(id, std::make_unique<ConsumerGroup>(id, memory_bytes_)).first->second;
}

void ConsumerGroups::loaded(GroupTime now) {
  // Topics may have come while nobody looked.
  new_topics_version_ = topics_.version();
  for (const auto& [id, group] : groups_) reverted(id, now);
}

void ConsumerGroups::reverted(std::string_view group_id, GroupTime now) {
  ConsumerGroup* group = find(group_id);
  if (group == nullptr) return;
  group->refresh_due = true;
  for (const auto& [id, member] : group->members()) {
    ConsumerGroup::Timers& timers = group->timers(id);
    if (timers.session == nullptr || !timers.session->armed()) restart_session(*group, *member, now);
    if (member->progress.state != ConsumerMemberState::kUnrevokedPartitions || member->is_classic()) continue;
    timers.rebalance_epoch = member->progress.epoch;
    if (timers.rebalance != nullptr && timers.rebalance->armed()) continue;
    arm(timers.rebalance, GroupTimeout::Kind::kConsumerRebalance, *group, id,
        milliseconds(member->subscription.rebalance_timeout_ms), now);
  }
}

void ConsumerGroups::arm(std::unique_ptr<GroupTimer>& timer, GroupTimeout::Kind kind, const ConsumerGroup& group,
                         std::string_view member_id, milliseconds after, GroupTime now) {
  if (timer == nullptr)
    timer = std::make_unique<GroupTimer>(expired_, GroupTimeout{kind, group.id(), std::string(member_id)});
  timers_.arm(*timer, now.monotonic + after);
}

int32_t ConsumerGroups::setting(std::string_view group_id, std::string_view key, int32_t min, int32_t max) const {
  // The broker's bounds may have been changed since the group's value was accepted.
  return std::min(std::max(topics_.group_setting(group_id, key), min), std::max(min, max));
}

void ConsumerGroups::restart_session(ConsumerGroup& group, const ConsumerMember& member, GroupTime now) {
  const int32_t timeout_ms =
      member.is_classic() ? member.subscription.classic->session_timeout_ms
                          : setting(group.id(), "consumer.session.timeout.ms", config_.consumer_session_timeout_min_ms,
                                    config_.consumer_session_timeout_max_ms);
  arm(group.timers(member.id).session, GroupTimeout::Kind::kConsumerSession, group, member.id, milliseconds(timeout_ms),
      now);
}

bool ConsumerGroups::is_full(const ConsumerGroup& group, std::string_view member_id) const {
  if (group.find(member_id) != nullptr) return false;
  return group.members().size() >= static_cast<size_t>(config_.consumer_group_size_max) ||
         memory_bytes_ >= config_.memory_max_bytes;
}

std::vector<Uuid> ConsumerGroups::topic_ids(const std::set<std::string, std::less<>>& names) const {
  std::vector<Uuid> ids;
  for (const std::string& name : names) {
    if (const Uuid id = topics_.id_of(name); !id.is_zero()) ids.push_back(id);
  }
  std::ranges::sort(ids);
  return ids;
}

void ConsumerGroups::update_epoch(ConsumerGroup& group, bool bump, ConsumerChange& change) {
  const int64_t hash = metadata_hash(topics_, group.subscribed_topics());
  if (bump || hash != group.metadata_hash()) {
    change.put(ConsumerEpochRecord{group.id(), {{group.epoch() + 1, hash}}});
    log_debug("group", "began an epoch", kv("group", group.id()), kv("epoch", group.epoch()),
              kv("members", group.members().size()));
  }
  group.refresh_due = false;
  // The hash stands for what this record said.
  if (group.has_partition_metadata()) change.put(ConsumerPartitionMetadataRecord{group.id(), false});
}

void ConsumerGroups::begin_at(std::string_view group_id, int32_t epoch, ConsumerChange& change) {
  // A group without members is one as well.
  ConsumerGroup& group = find_or_create(group_id, change);
  change.put(ConsumerEpochRecord{group.id(), {{epoch, metadata_hash(topics_, group.subscribed_topics())}}});
}

Assignor ConsumerGroups::assignor_of(const ConsumerGroup& group) const {
  const Assignor preferred = find_assignor(group.preferred_assignor().value_or(""));
  // Another implementation may have taken a name that is unknown here.
  return preferred != nullptr ? preferred : find_assignor(config_.consumer_assignors.front());
}

void ConsumerGroups::update_target(ConsumerGroup& group, GroupTime now, ConsumerChange& change) {
  if (group.assignment_epoch() >= group.epoch()) return;
  // Members that come one after another shall not each cause an assignment.
  const int32_t interval_ms =
      setting(group.id(), "consumer.assignment.interval.ms", config_.consumer_assignment_interval_min_ms,
              config_.consumer_assignment_interval_max_ms);
  const bool too_soon =
      group.assignment_time() != Timestamp{0} && interval_ms != 0 && now.wall < group.assignment_time() + interval_ms;
  if (too_soon) return;
  AssignorInput input;
  input.homogeneous = group.is_homogeneous();
  for (const auto& [id, member] : group.members()) {
    AssignorMember& to = input.members.emplace_back();
    to.id = id;
    to.instance_id = member->subscription.instance_id;
    to.current = &group.target(id);
    const bool as_first = input.homogeneous && input.members.size() > 1;
    to.topics = as_first ? input.members.front().topics : topic_ids(group.topics_of(*member));
    if (as_first) continue;
    for (const Uuid& topic : to.topics) input.partition_counts.emplace(topic, topics_.partition_count(topic));
  }
  std::vector<PartitionSets> targets = assignor_of(group)(input);
  std::vector<std::pair<std::string, PartitionSets>> changed;
  for (size_t i = 0; i < targets.size(); ++i) {
    const std::string id(input.members[i].id);
    const bool known = group.targets().contains(id);
    if (!known || group.target(id) != targets[i]) changed.emplace_back(id, std::move(targets[i]));
  }
  for (auto& [id, target] : changed) change.put(ConsumerTargetRecord{group.id(), id, std::move(target)});
  change.put(ConsumerAssignmentRecord{group.id(), {{group.epoch(), now.wall}}});
}

bool ConsumerGroups::reconcile_member(ConsumerGroup& group, std::string_view member_id, bool subscription_changed,
                                      const PartitionSets* owned, GroupTime now, ConsumerChange& change) {
  const std::shared_ptr<const ConsumerMember> member = group.find(member_id);
  if (!subscription_changed && member->is_reconciled_to(group.assignment_epoch())) return true;
  ReconcileInput input{.target_epoch = group.assignment_epoch(), .target = group.target(member_id)};
  const std::vector<Uuid> subscribed = topic_ids(group.topics_of(*member));
  input.subscribed.insert(subscribed.begin(), subscribed.end());
  input.subscription_changed = subscription_changed;
  input.owned = owned;
  std::optional<ConsumerProgress> next = reconcile(group, *member, input);
  if (!next) return false;
  if (*next == member->progress) return true;
  const bool revoking = next->state == ConsumerMemberState::kUnrevokedPartitions;
  const int32_t epoch = next->epoch;
  change.put(ConsumerProgressRecord{group.id(), member->id, std::move(next)});
  // Members of the classic protocol have a time to join and one to sync instead.
  if (member->is_classic()) return true;
  ConsumerGroup::Timers& timers = group.timers(member_id);
  if (revoking) {
    timers.rebalance_epoch = epoch;
    arm(timers.rebalance, GroupTimeout::Kind::kConsumerRebalance, group, member_id,
        milliseconds(member->subscription.rebalance_timeout_ms), now);
  } else if (timers.rebalance != nullptr) {
    timers.rebalance->cancel();
  }
  return true;
}

void ConsumerGroups::topics_changed(std::span<const std::string> names, bool any_new) {
  if (any_new) new_topics_version_ = topics_.version();
  for (const auto& [id, group] : groups_) {
    if (std::ranges::any_of(names, [&](const std::string& name) { return group->is_subscribed(name); }))
      group->refresh_due = true;
  }
}

}  // namespace weir::broker
