#include "broker/balance/balance_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace weir::broker {
namespace {

// What matters to nobody: a difference of so much is not evened out, however little there is in all.
constexpr BalanceLoad kLeastThatMatters = {256.0 * (1 << 20), 1, 64.0 * 1024, 1, 64.0 * 1024};
// A step must lower the sum of the squares of what brokers differ by, by so much at least.
constexpr double kGainMin = 1e-7;
// A move costs the bytes that it copies, and something for itself: else many small ones went before one that does more.
constexpr double kMoveCost = 16.0 * (1 << 20);
constexpr double kLeaderMoveCost = 1 << 20;
// Of its capacity a broker keeps so much free of what moves to it.
constexpr double kFreeMin = 0.1;

constexpr std::string_view kNoBroker = "no other broker takes replicas";
constexpr std::string_view kNoRack = "every other broker would leave it in fewer racks";
constexpr std::string_view kNoRoom = "no other broker has room on its disk";
constexpr std::string_view kNotMovable = "it has no leader, is not in sync, or is being reassigned";

constexpr size_t at(BalanceGoal goal) { return static_cast<size_t>(goal); }
constexpr bool is_count(size_t goal) { return goal == at(BalanceGoal::kReplicas) || goal == at(BalanceGoal::kLeaders); }

// Where a replica may go, or why nowhere.
struct Destination {
  size_t broker = SIZE_MAX;
  std::string_view why_not;
};

struct Candidate {
  double score = 0;
  size_t partition = 0;
  size_t place = 0;  // of the replica, or of the leader-to-be, among the partition's
  size_t to = 0;
  bool moves_leader = false;
};

class Planner {
 public:
  Planner(const BalanceInput& input, const BalanceOptions& options) : options_(options), partitions_(input.partitions) {
    add_brokers(input.brokers);
    add_loads();
    set_targets();
  }

  BalancePlan make() {
    for (size_t b = 0; b < brokers_.size(); ++b) {
      plan_.brokers.push_back({.id = brokers_[b].id, .role = brokers_[b].role, .before = loads_[b]});
      // One that holds nothing is missed by nobody.
      const bool is_missed = brokers_[b].role == BrokerRole::kAway && loads_[b][at(BalanceGoal::kReplicas)] > 0;
      if (is_missed) plan_.waits_for.push_back(brokers_[b].id);
    }
    for (size_t goal = 0; goal < kBalanceGoals; ++goal) plan_.imbalance[goal] = imbalance(goal);
    replace(BrokerRole::kGone);
    if (plan_.waits_for.empty()) {
      replace(BrokerRole::kLeaving);
      spread_over_racks();
      balance();
    }
    for (size_t b = 0; b < brokers_.size(); ++b) plan_.brokers[b].after = loads_[b];
    return std::move(plan_);
  }

 private:
  // ------------------------------------------------------------------------------------------------------- the cluster

  void add_brokers(const std::vector<BalanceBroker>& known) {
    std::map<NodeId, BalanceBroker> all;
    for (const BalanceBroker& broker : known) all[broker.id] = broker;
    for (const BalancePartition& partition : partitions_) {
      for (const NodeId id : partition.replicas)
        all.try_emplace(id, BalanceBroker{.id = id, .role = BrokerRole::kGone});
    }
    for (auto& [id, broker] : all) {
      index_of_[id] = brokers_.size();
      if (broker.role == BrokerRole::kMember) members_.push_back(brokers_.size());
      brokers_.push_back(std::move(broker));
    }
    loads_.resize(brokers_.size());
    targets_.resize(brokers_.size());
  }

  void add_loads() {
    for (BalancePartition& partition : partitions_) {
      for (size_t place = 0; place < partition.replicas.size(); ++place) {
        add(loads_[index(partition.replicas[place])], load_of(partition, place), 1);
      }
    }
  }

  void set_targets() {
    if (members_.empty()) return;
    BalanceLoad total{};
    for (size_t b = 0; b < brokers_.size(); ++b) {
      if (brokers_[b].role != BrokerRole::kAway) add(total, loads_[b], 1);
    }
    const auto count = static_cast<double>(members_.size());
    double capacity = 0;
    bool all_known = true;
    for (const size_t b : members_) {
      capacity += static_cast<double>(brokers_[b].capacity_bytes);
      all_known &= brokers_[b].capacity_bytes > 0;
    }
    for (size_t goal = 0; goal < kBalanceGoals; ++goal) {
      scales_[goal] = std::max(total[goal] / count, kLeastThatMatters[goal]);
      for (const size_t b : members_) targets_[b][goal] = total[goal] / count;
    }
    if (!all_known) return;
    for (const size_t b : members_) {
      targets_[b][at(BalanceGoal::kDisk)] =
          total[at(BalanceGoal::kDisk)] * static_cast<double>(brokers_[b].capacity_bytes) / capacity;
    }
  }

  // What a replica brings to its broker.
  static BalanceLoad load_of(const BalancePartition& partition, size_t place) {
    const bool leads = place == 0;
    return {static_cast<double>(partition.bytes), 1, partition.bytes_per_second, leads ? 1.0 : 0.0,
            leads ? partition.bytes_per_second : 0.0};
  }
  // What being preferred as its leader brings.
  static BalanceLoad leader_load_of(const BalancePartition& partition) {
    return {0, 0, 0, 1, partition.bytes_per_second};
  }
  static void add(BalanceLoad& to, const BalanceLoad& what, double sign) {
    for (size_t goal = 0; goal < kBalanceGoals; ++goal) to[goal] += sign * what[goal];
  }

  [[nodiscard]] size_t index(NodeId id) const { return index_of_.at(id); }
  [[nodiscard]] BrokerRole role(size_t broker) const { return brokers_[broker].role; }
  [[nodiscard]] static bool has(const BalancePartition& partition, NodeId id) {
    return std::ranges::find(partition.replicas, id) != partition.replicas.end();
  }

  // Racks of the replicas that live, with the one at `place` on another broker.
  [[nodiscard]] size_t racks_with(const BalancePartition& partition, size_t place, size_t to) const {
    std::set<std::string_view> racks{brokers_[to].rack};
    for (size_t i = 0; i < partition.replicas.size(); ++i) {
      const size_t b = index(partition.replicas[i]);
      if (i != place && role(b) != BrokerRole::kGone) racks.insert(brokers_[b].rack);
    }
    return racks.size();
  }
  [[nodiscard]] size_t racks_of(const BalancePartition& partition) const {
    std::set<std::string_view> racks;
    for (const NodeId id : partition.replicas) {
      if (role(index(id)) != BrokerRole::kGone) racks.insert(brokers_[index(id)].rack);
    }
    return racks.size();
  }

  [[nodiscard]] bool has_room(size_t broker, uint64_t bytes) const {
    const BalanceBroker& to = brokers_[broker];
    if (to.capacity_bytes == 0) return true;
    const double left = static_cast<double>(to.free_bytes) - static_cast<double>(bytes);
    return left >= kFreeMin * static_cast<double>(to.capacity_bytes);
  }

  // ------------------------------------------------------------------------------------------------------------
  // balance

  [[nodiscard]] double deviation(size_t broker, size_t goal) const {
    return (loads_[broker][goal] - targets_[broker][goal]) / scales_[goal];
  }

  // Positive: too much, negative: too little, by more than a broker may differ; else 0.
  [[nodiscard]] double outside(size_t broker, size_t goal, double band) const {
    const double difference = loads_[broker][goal] - targets_[broker][goal];
    const double size = std::abs(difference);
    const bool matters = is_count(goal) ? size > 1 - 1e-9 : size > kLeastThatMatters[goal];
    return matters && size > band * scales_[goal] ? difference / scales_[goal] : 0;
  }

  [[nodiscard]] double imbalance(size_t goal) const {
    double most = 0;
    for (const size_t b : members_) most = std::max(most, std::abs(outside(b, goal, 0)));
    return most;
  }

  // By how much the squares of what two brokers differ by in one goal shrink when `amount` moves between them; a broker
  // that is no member gives without counting.
  [[nodiscard]] double gain(size_t from, size_t to, size_t goal, double amount) const {
    const double share = amount / scales_[goal];
    const double taken = -share * (2 * deviation(to, goal) + share);
    return role(from) == BrokerRole::kMember ? taken + share * (2 * deviation(from, goal) - share) : taken;
  }
  [[nodiscard]] double gain(size_t from, size_t to, const BalanceLoad& load) const {
    double sum = 0;
    for (size_t goal = 0; goal < kBalanceGoals; ++goal) sum += gain(from, to, goal, load[goal]);
    return sum;
  }

  // Whether the move makes something better that one of the two has too much or too little of.
  [[nodiscard]] bool helps(size_t from, size_t to, const BalanceLoad& load) const {
    for (size_t goal = 0; goal < kBalanceGoals; ++goal) {
      if (load[goal] > 0 && (outside_[from][goal] > 0 || outside_[to][goal] < 0) &&
          gain(from, to, goal, load[goal]) > 0) {
        return true;
      }
    }
    return false;
  }

  bool find_outside(double band) {
    bool found = false;
    outside_.assign(brokers_.size(), {});
    for (const size_t b : members_) {
      for (size_t goal = 0; goal < kBalanceGoals; ++goal) {
        outside_[b][goal] = outside(b, goal, band);
        found |= outside_[b][goal] != 0;
      }
    }
    return found;
  }

  void balance() {
    if (members_.size() < 2) return;
    if (!find_outside(options_.goes_on ? options_.threshold / 2 : options_.threshold)) return;
    while (find_outside(options_.threshold / 2)) {
      const Candidate best = best_candidate();
      if (best.score <= 0) return;
      const size_t from = index(partitions_[best.partition].replicas[best.moves_leader ? 0 : best.place]);
      if (!take(best, balance_reason(from, best))) return;
    }
  }

  [[nodiscard]] Candidate best_candidate() const {
    Candidate best;
    for (size_t p = 0; p < partitions_.size(); ++p) {
      const BalancePartition& partition = partitions_[p];
      if (!partition.is_movable || partition.replicas.empty()) continue;
      consider_leaders(p, best);
      for (size_t place = 0; place < partition.replicas.size(); ++place) {
        if (role(index(partition.replicas[place])) == BrokerRole::kMember) consider_moves(p, place, best);
      }
    }
    return best;
  }

  void consider_leaders(size_t p, Candidate& best) const {
    const BalancePartition& partition = partitions_[p];
    const size_t from = index(partition.replicas[0]);
    if (role(from) != BrokerRole::kMember) return;
    const BalanceLoad load = leader_load_of(partition);
    for (size_t place = 1; place < partition.replicas.size(); ++place) {
      const size_t to = index(partition.replicas[place]);
      if (role(to) != BrokerRole::kMember || !helps(from, to, load)) continue;
      const double gained = gain(from, to, load);
      if (gained < kGainMin || gained / kLeaderMoveCost <= best.score) continue;
      best = {.score = gained / kLeaderMoveCost, .partition = p, .place = place, .to = to, .moves_leader = true};
    }
  }

  void consider_moves(size_t p, size_t place, Candidate& best) const {
    const BalancePartition& partition = partitions_[p];
    const size_t from = index(partition.replicas[place]);
    const BalanceLoad load = load_of(partition, place);
    const double cost = static_cast<double>(partition.bytes) + kMoveCost;
    for (const size_t to : members_) {
      if (has(partition, brokers_[to].id) || !helps(from, to, load)) continue;
      const double gained = gain(from, to, load);
      if (gained < kGainMin || gained / cost <= best.score) continue;
      if (racks_with(partition, place, to) < racks_of(partition) || !has_room(to, partition.bytes)) continue;
      best = {.score = gained / cost, .partition = p, .place = place, .to = to};
    }
  }

  // The goal that it does most for.
  [[nodiscard]] StepReason balance_reason(size_t from, const Candidate& move) const {
    const BalancePartition& partition = partitions_[move.partition];
    const BalanceLoad load = move.moves_leader ? leader_load_of(partition) : load_of(partition, move.place);
    size_t most = move.moves_leader ? at(BalanceGoal::kLeaders) : 0;
    double most_gained = 0;
    for (size_t goal = 0; goal < kBalanceGoals; ++goal) {
      if (outside_[from][goal] <= 0 && outside_[move.to][goal] >= 0) continue;
      const double gained = gain(from, move.to, goal, load[goal]);
      if (gained > most_gained) {
        most = goal;
        most_gained = gained;
      }
    }
    return static_cast<StepReason>(static_cast<size_t>(StepReason::kDisk) + most);
  }

  // -------------------------------------------------------------------------------------------------- what must move

  // Where the replica does best, in as many racks as can be, and in no fewer than now.
  [[nodiscard]] Destination find_destination(const BalancePartition& partition, size_t place) const {
    const size_t from = index(partition.replicas[place]);
    const BalanceLoad load = load_of(partition, place);
    Destination found{.why_not = kNoBroker};
    size_t found_racks = 0;
    double found_gain = 0;
    for (const size_t to : members_) {
      if (has(partition, brokers_[to].id)) continue;
      const size_t racks = racks_with(partition, place, to);
      if (racks < racks_of(partition) || !has_room(to, partition.bytes)) {
        if (found.broker == SIZE_MAX) found.why_not = racks < racks_of(partition) ? kNoRack : kNoRoom;
        continue;
      }
      const double gained = gain(from, to, load);
      if (found.broker != SIZE_MAX && (racks < found_racks || (racks == found_racks && gained <= found_gain))) continue;
      found.broker = to;
      found_racks = racks;
      found_gain = gained;
    }
    return found;
  }

  // Those with the fewest replicas left first, and of them the largest.
  [[nodiscard]] std::vector<std::pair<size_t, size_t>> replicas_on(BrokerRole leaving) const {
    struct Found {
      size_t living;
      uint64_t bytes;
      size_t partition;
      size_t place;
    };
    std::vector<Found> found;
    for (size_t p = 0; p < partitions_.size(); ++p) {
      const BalancePartition& partition = partitions_[p];
      const auto living = static_cast<size_t>(
          std::ranges::count_if(partition.replicas, [&](NodeId id) { return role(index(id)) != BrokerRole::kGone; }));
      for (size_t place = 0; place < partition.replicas.size(); ++place) {
        if (role(index(partition.replicas[place])) == leaving) found.push_back({living, partition.bytes, p, place});
      }
    }
    std::ranges::sort(found, [](const Found& a, const Found& b) {
      return std::tie(a.living, b.bytes, a.partition, a.place) < std::tie(b.living, a.bytes, b.partition, b.place);
    });
    std::vector<std::pair<size_t, size_t>> places;
    for (const Found& one : found) places.emplace_back(one.partition, one.place);
    return places;
  }

  void replace(BrokerRole leaving) {
    for (const auto& [p, place] : replicas_on(leaving)) {
      const Destination to =
          partitions_[p].is_movable ? find_destination(partitions_[p], place) : Destination{.why_not = kNotMovable};
      if (to.broker == SIZE_MAX) {
        plan_.blocked.push_back({.partition = p, .broker = partitions_[p].replicas[place], .why = to.why_not});
        continue;
      }
      const auto reason = leaving == BrokerRole::kGone ? StepReason::kGone : StepReason::kLeaving;
      if (!take({.partition = p, .place = place, .to = to.broker}, reason)) return;
    }
  }

  // Partitions that are in fewer racks than they could be: a rack was gone, or is new.
  void spread_over_racks() {
    std::set<std::string_view> racks;
    for (const size_t b : members_) racks.insert(brokers_[b].rack);
    for (size_t p = 0; p < partitions_.size(); ++p) {
      while (partitions_[p].is_movable &&
             racks_of(partitions_[p]) < std::min(racks.size(), partitions_[p].replicas.size())) {
        Candidate best;
        for (size_t place = 0; place < partitions_[p].replicas.size(); ++place) consider_rack(p, place, best);
        if (best.score == 0) break;
        if (!take(best, StepReason::kRack)) return;
      }
    }
  }

  void consider_rack(size_t p, size_t place, Candidate& best) const {
    const BalancePartition& partition = partitions_[p];
    const size_t from = index(partition.replicas[place]);
    if (role(from) != BrokerRole::kMember) return;
    for (const size_t to : members_) {
      if (has(partition, brokers_[to].id) || racks_with(partition, place, to) <= racks_of(partition)) continue;
      if (!has_room(to, partition.bytes)) continue;
      // Any place in another rack is better than none.
      const double score = std::exp(std::min(gain(from, to, load_of(partition, place)), 500.0));
      if (score > best.score) best = {.score = score, .partition = p, .place = place, .to = to};
    }
  }

  // ------------------------------------------------------------------------------------------------------------- steps

  // False when there is no room for it in the plan.
  bool take(const Candidate& move, StepReason reason) {
    if (plan_.steps.size() >= options_.steps_max) {
      plan_.is_whole = false;
      return false;
    }
    BalancePartition& partition = partitions_[move.partition];
    BalanceStep step{.partition = move.partition, .moves_leader = move.moves_leader, .reason = reason};
    step.before = partition.replicas;
    step.to = brokers_[move.to].id;
    const size_t from = index(partition.replicas[move.moves_leader ? 0 : move.place]);
    step.from = brokers_[from].id;
    const BalanceLoad load = move.moves_leader ? leader_load_of(partition) : load_of(partition, move.place);
    if (move.moves_leader) {
      std::swap(partition.replicas[0], partition.replicas[move.place]);
    } else {
      partition.replicas[move.place] = step.to;
      step.bytes = partition.bytes;
      brokers_[move.to].free_bytes -= std::min(brokers_[move.to].free_bytes, partition.bytes);
      brokers_[from].free_bytes += partition.bytes;
    }
    add(loads_[from], load, -1);
    add(loads_[move.to], load, 1);
    step.after = partition.replicas;
    plan_.steps.push_back(std::move(step));
    return true;
  }

  const BalanceOptions& options_;
  std::vector<BalancePartition> partitions_;  // as the steps so far leave them
  std::vector<BalanceBroker> brokers_;        // by id
  std::map<NodeId, size_t> index_of_;
  std::vector<size_t> members_;
  std::vector<BalanceLoad> loads_;
  std::vector<BalanceLoad> targets_;
  BalanceLoad scales_ = kLeastThatMatters;
  std::vector<BalanceLoad> outside_;
  BalancePlan plan_;
};

}  // namespace

BalancePlan make_balance_plan(const BalanceInput& input, const BalanceOptions& options) {
  return Planner(input, options).make();
}

std::string_view goal_name(BalanceGoal goal) {
  switch (goal) {
    case BalanceGoal::kDisk:
      return "disk";
    case BalanceGoal::kReplicas:
      return "replicas";
    case BalanceGoal::kTraffic:
      return "traffic";
    case BalanceGoal::kLeaders:
      return "leaders";
    case BalanceGoal::kLeaderTraffic:
      return "leader_traffic";
  }
  return "";
}

std::string_view reason_text(StepReason reason) {
  switch (reason) {
    case StepReason::kGone:
      return "broker gone";
    case StepReason::kLeaving:
      return "broker leaves";
    case StepReason::kRack:
      return "racks";
    default:
      return goal_name(static_cast<BalanceGoal>(static_cast<size_t>(reason) - static_cast<size_t>(StepReason::kDisk)));
  }
}

}  // namespace weir::broker
