#include "broker/controller/partition_change.h"

#include <algorithm>
#include <set>

#include "quorum/metadata_delta.h"

namespace weir::broker {
namespace {

using Nodes = std::vector<NodeId>;
using quorum::to_ints;

constexpr int32_t kNoLeaderChange = -2;

bool has(const Nodes& nodes, NodeId id) { return std::ranges::find(nodes, id) != nodes.end(); }

bool has_all(const Nodes& nodes, const Nodes& wanted) {
  return std::ranges::all_of(wanted, [&](NodeId id) { return has(nodes, id); });
}

Nodes without(const Nodes& nodes, const Nodes& removed) {
  Nodes left;
  std::ranges::copy_if(nodes, std::back_inserter(left), [&](NodeId id) { return !has(removed, id); });
  return left;
}

class Decider {
 public:
  explicit Decider(const PartitionChangeInput& input)
      : in_(input),
        before_(input.partition),
        isr_(input.target_isr),
        replicas_(input.target_replicas),
        removing_(input.target_removing),
        adding_(input.target_adding),
        elr_(before_.elr) {}

  std::optional<protocol::PartitionChangeRecord> decide() {
    record_.topic_id = in_.topic_id;
    record_.partition_id = in_.index.value();
    complete_reassignment();
    move_between_isr_and_elr();
    elect();
    bump_epoch_when_replicas_leave();
    set_elr();
    // Without ELR the last member of the ISR stays in it, whatever becomes of it: it is where the records are.
    if (!record_.isr && (!isr_.empty() || in_.elr_enabled) && isr_ != before_.isr) record_.isr = to_ints(isr_);
    bump_epoch_when_isr_shrinks();
    remember_last_leader();
    set_assignment();
    if (in_.target_recovery_state != before_.leader_recovery_state) {
      record_.leader_recovery_state = static_cast<int8_t>(in_.target_recovery_state);
    }
    return changes_nothing() ? std::nullopt : std::optional(std::move(record_));
  }

 private:
  void complete_reassignment() {
    if (removing_.empty() && adding_.empty()) return;
    const Nodes replicas = without(replicas_, removing_);
    const Nodes isr = without(isr_, removing_);
    if (replicas.empty() || isr.empty() || !has_all(isr, adding_)) return;
    // Fewer replicas than before: all that stay must have the records.
    if (adding_.size() < removing_.size() && !has_all(isr, replicas)) return;
    replicas_ = replicas;
    isr_ = isr;
    removing_.clear();
    adding_.clear();
  }

  void move_between_isr_and_elr() {
    if (!in_.elr_enabled) return;
    const auto replica_count = static_cast<int32_t>(replicas_.size());
    if (static_cast<int32_t>(isr_.size()) >= std::min(in_.min_insync_replicas, replica_count)) {
      elr_.clear();
      return;
    }
    // Who was in the ISR has all that was acknowledged as long as the ISR is too small to acknowledge more.
    std::set<NodeId> candidates(elr_.begin(), elr_.end());
    candidates.insert(before_.isr.begin(), before_.isr.end());
    const Nodes all(candidates.begin(), candidates.end());
    elr_ = without(without(all, isr_), in_.unclean_shutdown);
  }

  [[nodiscard]] bool may_lead(NodeId id) const {
    const bool eligible = has(isr_, id) || (in_.elr_enabled && isr_.empty() && has(elr_, id));
    return eligible && in_.can_lead(id);
  }

  struct Elected {
    NodeId leader = kNoNode;
    bool unclean = false;
  };

  [[nodiscard]] Elected choose() const {
    if (in_.election == Election::kPreferred && !replicas_.empty() && may_lead(replicas_.front())) {
      return {replicas_.front()};
    }
    if (may_lead(before_.leader)) return {before_.leader};
    for (NodeId id : replicas_) {
      if (may_lead(id)) return {id};
    }
    // The last one that led, when nobody is left that surely has everything.
    const bool last_leader_is_known = in_.elr_enabled && isr_.empty() && elr_.empty() &&
                                      before_.last_known_elr.size() == 1 && in_.can_lead(before_.last_known_elr[0]);
    if (last_leader_is_known) return {before_.last_known_elr[0], true};
    if (in_.election == Election::kUnclean) {
      for (NodeId id : replicas_) {
        if (in_.can_lead(id)) return {id, true};
      }
    }
    return {};
  }

  void elect() {
    const Elected elected = choose();
    if (elected.leader == before_.leader) return;
    if (has(elr_, elected.leader)) {
      isr_ = {elected.leader};
      elr_ = without(elr_, isr_);
    }
    record_.leader = elected.leader.value();
    if (!elected.unclean) return;
    record_.isr = std::vector<int32_t>{elected.leader.value()};
    if (before_.leader_recovery_state != quorum::LeaderRecoveryState::kRecovering) {
      record_.leader_recovery_state = static_cast<int8_t>(quorum::LeaderRecoveryState::kRecovering);
    }
  }

  void bump_epoch_when_replicas_leave() {
    if (record_.leader != kNoLeaderChange) return;
    if (!has_all(replicas_, before_.replicas)) record_.leader = before_.leader.value();
  }

  void bump_epoch_when_isr_shrinks() {
    if (in_.version.isr_shrink_keeps_leader_epoch()) return;
    if (record_.leader != kNoLeaderChange || !record_.isr) return;
    if (!has_all(quorum::to_nodes(*record_.isr), before_.isr)) record_.leader = before_.leader.value();
  }

  void set_elr() {
    // An ISR that is set by now comes from an unclean election: nobody else's records count any more.
    if (record_.isr || !in_.elr_enabled) elr_.clear();
    if (elr_ != before_.elr) record_.eligible_leader_replicas = to_ints(elr_);
  }

  void remember_last_leader() {
    if (!in_.elr_enabled) return;
    const Nodes& known = before_.last_known_elr;
    if (record_.isr && record_.isr->empty()) {
      if (known.size() != 1 || known[0] != before_.leader) {
        record_.last_known_elr = std::vector<int32_t>{before_.leader.value()};
      }
      return;
    }
    const bool has_leader = record_.leader >= 0 || (before_.leader != kNoNode && record_.leader != kNoNode.value());
    if (has_leader && !known.empty()) record_.last_known_elr = std::vector<int32_t>{};
  }

  void set_assignment() {
    std::vector<Uuid> directories;
    for (NodeId id : replicas_) {
      const auto moved = in_.directories.find(id);
      directories.push_back(moved != in_.directories.end() ? moved->second
                            : before_.has_replica(id)      ? before_.directory_of(id)
                                                           : in_.default_directory(id));
    }
    if (in_.version.has_directories() && directories != before_.directories) record_.directories = directories;
    if (replicas_ != before_.replicas) record_.replicas = to_ints(replicas_);
    if (removing_ != before_.removing_replicas) record_.removing_replicas = to_ints(removing_);
    if (adding_ != before_.adding_replicas) record_.adding_replicas = to_ints(adding_);
  }

  [[nodiscard]] bool changes_nothing() const {
    return !record_.isr && record_.leader == kNoLeaderChange && !record_.replicas && !record_.removing_replicas &&
           !record_.adding_replicas && !record_.eligible_leader_replicas && !record_.last_known_elr &&
           record_.leader_recovery_state < 0 && !record_.directories;
  }

  const PartitionChangeInput& in_;
  const quorum::PartitionImage& before_;
  Nodes isr_;
  Nodes replicas_;
  Nodes removing_;
  Nodes adding_;
  Nodes elr_;
  protocol::PartitionChangeRecord record_;
};

}  // namespace

bool is_reassigned(const quorum::PartitionImage& partition) {
  return !partition.removing_replicas.empty() || !partition.adding_replicas.empty();
}

std::vector<NodeId> replicas_in_the_end(const quorum::PartitionImage& partition) {
  return without(partition.replicas, partition.removing_replicas);
}

std::optional<protocol::PartitionChangeRecord> decide_partition_change(const PartitionChangeInput& input) {
  return Decider(input).decide();
}

}  // namespace weir::broker
