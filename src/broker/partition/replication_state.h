// ReplicationState: what the leader of a partition knows of the other replicas, and what follows from it: how far the
// records are committed, and which ISR to ask the controller for. Plain: no I/O, time handed in. Owned by its
// Partition; loop thread only.
//
// A change of the ISR that is under way counts both ways, so that no acknowledgement depends on how it ends: members
// that may leave still hold the high watermark, members that may join hold it already.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// A member of an ISR that is asked for, as it was registered when it was found to be in sync.
struct IsrMember {
  NodeId id;
  BrokerEpoch epoch;
  friend auto operator<=>(const IsrMember&, const IsrMember&) = default;
};

// Where a replica's log begins and ends.
struct ReplicaRange {
  Offset start = kNoOffset;
  Offset end = kNoOffset;  // not known before its first fetch in this epoch
};

class ReplicationState {
 public:
  explicit ReplicationState(NodeId self) : self_(self) {}

  // This replica leads from now on, in the epoch of `image`, which begins at `epoch_start` in its log. Every member of
  // the ISR gets the time of `lag_max` to fetch.
  void begin(const quorum::PartitionImage& image, Offset epoch_start, MonotonicTime now);
  // The metadata have changed within the epoch.
  void update(const quorum::PartitionImage& image, MonotonicTime now);
  // It does not lead any more.
  void end();

  // A replica has `range` and asks for what follows; the log here ends at `own_end`. False for a broker that is no
  // replica.
  bool note_fetch(IsrMember replica, ReplicaRange range, Offset own_end, MonotonicTime now);

  // Where the records end that every member of the ISR has, this replica everything below `own_end`; kNoOffset while
  // the ISR is smaller than `isr_min`.
  [[nodiscard]] Offset committed_end(Offset own_end, size_t isr_min) const;

  // What brokers are asked for: whether they are up, in a certain rack...
  using IsBroker = std::function<bool(NodeId)>;
  // Of the members of the ISR that have `offset` and that `is_near` is true of, the one that has most; kNoNode: none.
  [[nodiscard]] NodeId closest(Offset offset, const IsBroker& is_near) const;
  // Below it no replica has records: the least start of all logs, but for those of brokers that are not up. kNoOffset
  // while one of them has not said where its log begins.
  [[nodiscard]] Offset least_start(Offset own_start, const IsBroker& is_up) const;
  // Where this leader's epoch began in its log.
  [[nodiscard]] Offset epoch_start() const { return epoch_start_; }

  // Whether a broker may be in an ISR now, by the metadata.
  using IsEligible = std::function<bool(const IsrMember&)>;
  // The ISR to ask for: with those that have caught up with the high watermark, without those that have not had all for
  // `lag_max`. Nothing when it is right, or while a change is under way.
  [[nodiscard]] std::optional<std::vector<IsrMember>> wanted_isr(Offset high_watermark, Offset own_end,
                                                                 const IsEligible& is_eligible, MonotonicTime now,
                                                                 Duration lag_max) const;
  // The controller is asked for it. update() ends that, or give_up(): only when it is sure that it will not come to
  // pass. Then it is not asked again for a while.
  void ask(std::vector<IsrMember> isr) { asked_ = std::move(isr); }
  void give_up(MonotonicTime now) {
    asked_.reset();
    ask_not_before_ = now + kAskAgainAfter;
  }
  [[nodiscard]] bool is_asking() const { return asked_.has_value(); }

  [[nodiscard]] size_t isr_size() const { return isr_.size(); }
  [[nodiscard]] bool is_in_isr(NodeId id) const;
  // This replica is the only one.
  [[nodiscard]] bool is_alone() const { return replicas_.empty(); }

 private:
  struct Replica {
    BrokerEpoch epoch{-1};
    ReplicaRange range{};
    MonotonicTime fetched_at{};
    MonotonicTime caught_up_at{};   // when it had all that there was
    Offset leader_end = kNoOffset;  // here, at its last fetch
  };
  [[nodiscard]] bool is_asked_for(NodeId id) const;
  [[nodiscard]] bool is_in_sync(const Replica& replica, Offset high_watermark) const;
  void take_replicas(const quorum::PartitionImage& image, MonotonicTime now);

  NodeId self_;
  Offset epoch_start_ = kNoOffset;
  quorum::PartitionEpoch partition_epoch_{0};
  std::vector<NodeId> isr_;
  std::map<NodeId, Replica> replicas_;  // the others
  std::optional<std::vector<IsrMember>> asked_;
  MonotonicTime ask_not_before_{};

  static constexpr Duration kAskAgainAfter = seconds(1);
};

}  // namespace weir::broker
