// Offsets and groups that nobody needs any more.
#include <algorithm>

#include "broker/group/group_coordinator.h"

namespace weir::broker {

namespace {

constexpr std::string_view kConsumerProtocolType = "consumer";

}  // namespace

void GroupCoordinator::check_expiry(GroupTime now) {
  for (const std::string& id : group_ids()) {
    // The offsets of other kinds of groups follow rules of their own.
    if (!foreign_.contains(id)) expire_group(id, now.wall);
  }
  std::vector<const ConsumerGroup*> consumers;
  for (const auto& [id, group] : consumers_.all()) consumers.push_back(group.get());
  for (const ConsumerGroup* group : consumers) expire_consumer_group(*group, now.wall);
}

void GroupCoordinator::expire_consumer_group(const ConsumerGroup& group, Timestamp now) {
  ConsumerChange change(consumers_, group.id());
  const std::string& id = change.group_id();
  std::vector<TopicPartition> writes;
  bool nothing_left = true;
  if (const OffsetStore::Topics* topics = offsets_.find(id); topics != nullptr) {
    for (const auto& [topic, partitions] : *topics) {
      for (const auto& [partition, entry] : partitions) {
        const bool settled = entry.committed && entry.pending.empty() && entry.writes == 0;
        if (settled && !group.is_subscribed(topic) &&
            now - entry.committed->commit_time >= config_.offsets_retention.count()) {
          writes.push_back({topic, partition});
          change.add(offset_tombstone(id, writes.back()));
        } else {
          nothing_left = false;
        }
      }
    }
  }
  if (nothing_left && group.members().empty()) consumers_.remove(group, change);
  append(change, std::nullopt, std::move(writes));
}

void GroupCoordinator::expire_group(const std::string& group_id, Timestamp now) {
  const ClassicGroup& group = *find(group_id);
  std::vector<CoordinatorRecord> records;
  std::vector<TopicPartition> writes;
  bool nothing_left = true;
  if (const OffsetStore::Topics* topics = offsets_.find(group_id); topics != nullptr) {
    for (const auto& [topic, partitions] : *topics) {
      for (const auto& [partition, entry] : partitions) {
        // What a transaction or a write under way is about to set is not old.
        const bool settled = entry.committed && entry.pending.empty() && entry.writes == 0;
        if (settled && !group.is_subscribed(topic) && is_expired(group, *entry.committed, now)) {
          writes.push_back({topic, partition});
          records.push_back(offset_tombstone(group_id, writes.back()));
        } else {
          nothing_left = false;
        }
      }
    }
  }
  // Whoever was told an id a moment ago will be back.
  if (nothing_left && group.state() == GroupState::kEmpty && group.pending_count() == 0)
    records.push_back(group_tombstone(group_id));
  if (!records.empty()) append(group_id, std::move(records), std::move(writes), {}, {});
}

// When the retention of an offset begins depends on whether its group is in use.
bool GroupCoordinator::is_expired(const ClassicGroup& group, const CommittedOffset& offset, Timestamp now) const {
  Timestamp since = offset.commit_time;
  if (group.protocol_type()) {
    if (group.state() == GroupState::kEmpty) {
      since = group.state_since().value_or(offset.commit_time);
    } else if (group.state() != GroupState::kStable || group.protocol_type() != kConsumerProtocolType ||
               !group.subscribed_topics()) {
      return false;
    }
  }
  if (offset.expire_time != kNoTimestamp) return now >= offset.expire_time;
  return now - since >= config_.offsets_retention.count();
}

void GroupCoordinator::partitions_deleted(std::span<const TopicPartition> partitions, GroupTime) {
  std::map<std::string, std::vector<TopicPartition>> by_group;
  for (const TopicPartition& partition : partitions) {
    for (const std::string& id : offsets_.groups_with(partition)) by_group[id].push_back(partition);
  }
  for (auto& [group_id, gone] : by_group) {
    std::vector<CoordinatorRecord> records;
    for (const TopicPartition& partition : gone) records.push_back(offset_tombstone(group_id, partition));
    append(group_id, std::move(records), std::move(gone), {}, {});
  }
}

// A group that came into being with a request whose records then failed leaves nothing behind.
void GroupCoordinator::forget_if_nothing(std::string_view group_id) {
  const ClassicGroup* group = find_group(group_id);
  if (group == nullptr || group->persisted || group->state() != GroupState::kEmpty || group->pending_count() > 0)
    return;
  if (offsets_.find(group_id) == nullptr && !is_being_written(group_id)) erase_group(group_id);
}

}  // namespace weir::broker
