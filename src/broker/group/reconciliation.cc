#include "broker/group/reconciliation.h"

#include <algorithm>

namespace weir::broker {
namespace {

bool contains(const PartitionEpochs& partitions, const Uuid& topic, int32_t partition) {
  const auto it = partitions.find(topic);
  return it != partitions.end() && it->second.contains(partition);
}

// Silence counts as owning: nothing is given to others on a guess.
bool owns_any(const PartitionSets* owned, const PartitionEpochs& partitions) {
  if (owned == nullptr) return true;
  return std::ranges::any_of(*owned, [&](const auto& topic) {
    return std::ranges::any_of(topic.second,
                               [&](int32_t partition) { return contains(partitions, topic.first, partition); });
  });
}

ConsumerProgress step(const ConsumerProgress& from, int32_t epoch) {
  ConsumerProgress to = from;
  to.previous_epoch = from.epoch;
  to.epoch = epoch;
  return to;
}

// Takes away what the member does not read any more, and nothing else.
ConsumerProgress drop_unsubscribed(const ConsumerProgress& from, const ReconcileInput& input) {
  ConsumerProgress to = step(from, from.epoch);
  bool changed = false;
  for (const auto& [topic, epochs] : from.assigned) {
    if (input.subscribed.contains(topic)) continue;
    to.assigned.erase(topic);
    to.to_revoke[topic].insert(epochs.begin(), epochs.end());
    changed = true;
  }
  if (!changed) return from;
  if (owns_any(input.owned, to.to_revoke)) {
    to.state = ConsumerMemberState::kUnrevokedPartitions;
  } else {
    to.to_revoke = from.to_revoke;  // what was taken away is given up already
  }
  return to;
}

struct Difference {
  PartitionEpochs kept;
  PartitionEpochs revoked;
  std::vector<std::pair<Uuid, int32_t>> free;  // to be added
  bool unreleased = false;                     // more is to be added that others still have
};

Difference compare(const ConsumerGroup& group, const ConsumerProgress& from, const ReconcileInput& input) {
  static const std::set<int32_t> kNothing;
  Difference difference;
  const auto target_of = [&](const Uuid& topic) -> const std::set<int32_t>& {
    const auto it = input.target.find(topic);
    return it == input.target.end() || !input.subscribed.contains(topic) ? kNothing : it->second;
  };
  for (const auto& [topic, epochs] : from.assigned) {
    const std::set<int32_t>& target = target_of(topic);
    for (const auto& [partition, epoch] : epochs) {
      PartitionEpochs& to = target.contains(partition) ? difference.kept : difference.revoked;
      to[topic].emplace(partition, epoch);
    }
  }
  for (const auto& [topic, partitions] : input.target) {
    for (const int32_t partition : target_of(topic)) {
      if (contains(from.assigned, topic, partition)) continue;
      // What the member itself is about to revoke nobody else has.
      if (group.is_owned(topic, partition) && !contains(from.to_revoke, topic, partition)) {
        difference.unreleased = true;
      } else {
        difference.free.emplace_back(topic, partition);
      }
    }
  }
  return difference;
}

ConsumerProgress next(const ConsumerGroup& group, const ConsumerProgress& from, const ReconcileInput& input,
                      int32_t epoch) {
  Difference difference = compare(group, from, input);
  if (!difference.revoked.empty() && owns_any(input.owned, difference.revoked)) {
    ConsumerProgress to = step(from, epoch);
    to.state = ConsumerMemberState::kUnrevokedPartitions;
    to.assigned = std::move(difference.kept);
    to.to_revoke = std::move(difference.revoked);
    return to;
  }
  ConsumerProgress to = step(from, input.target_epoch);
  to.state = difference.unreleased ? ConsumerMemberState::kUnreleasedPartitions : ConsumerMemberState::kStable;
  to.assigned = std::move(difference.kept);
  for (const auto& [topic, partition] : difference.free) to.assigned[topic].emplace(partition, input.target_epoch);
  to.to_revoke.clear();
  return to;
}

}  // namespace

std::optional<ConsumerProgress> reconcile(const ConsumerGroup& group, const ConsumerMember& member,
                                          const ReconcileInput& input) {
  const ConsumerProgress& from = member.progress;
  switch (from.state) {
    case ConsumerMemberState::kStable:
      if (from.epoch != input.target_epoch) return next(group, from, input, from.epoch);
      return input.subscription_changed ? drop_unsubscribed(from, input) : from;
    case ConsumerMemberState::kUnrevokedPartitions:
      if (!owns_any(input.owned, from.to_revoke)) return next(group, from, input, from.epoch);
      return input.subscription_changed ? drop_unsubscribed(from, input) : from;
    case ConsumerMemberState::kUnreleasedPartitions:
      return next(group, from, input, from.epoch);
    case ConsumerMemberState::kUnknown:
      if (input.owned == nullptr || !input.owned->empty()) return std::nullopt;
      return next(group, from, input, input.target_epoch);
  }
  return from;
}

}  // namespace weir::broker
