#include "broker/partition/replication_state.h"

#include <algorithm>
#include <tuple>

namespace weir::broker {

void ReplicationState::begin(const quorum::PartitionImage& image, Offset epoch_start, MonotonicTime now) {
  end();
  epoch_start_ = epoch_start;
  take_replicas(image, now);
}

void ReplicationState::update(const quorum::PartitionImage& image, MonotonicTime now) {
  // The metadata show the result of what was asked for, or of what somebody else has changed: either way it is over.
  if (image.partition_epoch != partition_epoch_) asked_.reset();
  take_replicas(image, now);
}

void ReplicationState::end() {
  epoch_start_ = kNoOffset;
  asked_.reset();
  isr_.clear();
  replicas_.clear();
}

void ReplicationState::take_replicas(const quorum::PartitionImage& image, MonotonicTime now) {
  partition_epoch_ = image.partition_epoch;
  isr_ = image.isr;
  std::erase_if(replicas_, [&](const auto& entry) { return !image.has_replica(entry.first); });
  for (const NodeId id : image.replicas) {
    if (id != self_) replicas_.try_emplace(id, Replica{.fetched_at = now, .caught_up_at = now});
  }
}

bool ReplicationState::note_fetch(IsrMember replica, ReplicaRange range, Offset own_end, MonotonicTime now) {
  const auto found = replicas_.find(replica.id);
  if (found == replicas_.end()) return false;
  Replica& known = found->second;
  if (range.end >= own_end) {
    known.caught_up_at = now;
  } else if (known.leader_end != kNoOffset && range.end >= known.leader_end) {
    // It has all that there was when it fetched before.
    known.caught_up_at = std::max(known.caught_up_at, known.fetched_at);
  }
  known.epoch = replica.epoch;
  known.range = range;
  known.fetched_at = now;
  known.leader_end = own_end;
  return true;
}

bool ReplicationState::is_in_isr(NodeId id) const { return std::ranges::find(isr_, id) != isr_.end(); }

bool ReplicationState::is_asked_for(NodeId id) const {
  return asked_ && std::ranges::find(*asked_, id, &IsrMember::id) != asked_->end();
}

Offset ReplicationState::committed_end(Offset own_end, size_t isr_min) const {
  if (isr_.size() < isr_min) return kNoOffset;
  Offset least = own_end;
  for (const auto& [id, replica] : replicas_) {
    if (is_in_isr(id) || is_asked_for(id)) least = std::min(least, replica.range.end);
  }
  return least;
}

NodeId ReplicationState::closest(Offset offset, const IsBroker& is_near) const {
  const auto rank = [](const auto& entry) { return std::tuple(entry.second.range.end, entry.second.caught_up_at); };
  NodeId best = kNoNode;
  std::optional<std::tuple<Offset, MonotonicTime>> best_rank;
  for (const auto& entry : replicas_) {
    const auto& [id, replica] = entry;
    if (!is_in_isr(id) || replica.range.end < offset || replica.range.start > offset || !is_near(id)) continue;
    // The highest id of those that are alike, as Kafka has it.
    if (best_rank && rank(entry) < *best_rank) continue;
    best = id;
    best_rank = rank(entry);
  }
  return best;
}

Offset ReplicationState::least_start(Offset own_start, const IsBroker& is_up) const {
  Offset least = own_start;
  for (const auto& [id, replica] : replicas_) {
    if (is_up(id)) least = std::min(least, replica.range.start);
  }
  return least;
}

bool ReplicationState::is_in_sync(const Replica& replica, Offset high_watermark) const {
  // In an older epoch's records it may still have to cut off what this leader does not have.
  return replica.range.end >= high_watermark && replica.range.end >= epoch_start_;
}

std::optional<std::vector<IsrMember>> ReplicationState::wanted_isr(Offset high_watermark, Offset own_end,
                                                                   const IsEligible& is_eligible, MonotonicTime now,
                                                                   Duration lag_max) const {
  if (asked_ || now < ask_not_before_) return std::nullopt;
  std::vector<IsrMember> wanted = {{self_, BrokerEpoch(-1)}};
  bool is_change = false;
  for (const auto& [id, replica] : replicas_) {
    const IsrMember member{id, replica.epoch};
    if (is_in_isr(id)) {
      const bool is_behind = replica.range.end != own_end && now - replica.caught_up_at > lag_max;
      is_change |= is_behind;
      if (!is_behind) wanted.push_back(member);
    } else if (replica.range.end != kNoOffset && is_in_sync(replica, high_watermark) && is_eligible(member)) {
      is_change = true;
      wanted.push_back(member);
    }
  }
  if (!is_change) return std::nullopt;
  return wanted;
}

}  // namespace weir::broker
