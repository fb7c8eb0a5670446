// BalancePlan: which replicas and leaders move where, so that disk, replicas, leaders and traffic are spread evenly
// over the brokers and nothing is left on those that go. A pure function of what is known of the cluster: the same
// input gives the same plan, whoever asks, the controller's balancer or weir cluster balance. Plain values; any thread.
// Why it plans as it does: docs/decisions/0017-balancer.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace weir::broker {

enum class BrokerRole : uint8_t {
  kMember,   // active: holds replicas and takes more
  kLeaving,  // all of its log directories are cordoned: what it holds moves to others
  kGone,     // will not come back, or is not registered: others get copies of what it held
  kAway,     // fenced, perhaps not for long: nothing moves from it or to it
};

struct BalanceBroker {
  NodeId id = kNoNode;
  std::string rack{};  // empty: none, which is a rack of its own
  BrokerRole role = BrokerRole::kMember;
  uint64_t capacity_bytes = 0;  // of its log directories; 0: not known
  uint64_t free_bytes = 0;
};

struct BalancePartition {
  std::string topic;
  PartitionIndex index;
  std::vector<NodeId> replicas;  // the preferred leader first
  // It has a leader, all replicas but those on brokers that are gone are in sync, and it is not being reassigned.
  bool is_movable = true;
  uint64_t bytes = 0;           // of one replica
  double bytes_per_second = 0;  // that are appended
};

// What is to be spread. Each broker is to hold the same of each, of the disk in proportion to its capacity.
enum class BalanceGoal : uint8_t {
  kDisk,           // bytes of logs
  kReplicas,       // how many
  kTraffic,        // bytes a second that are appended to replicas
  kLeaders,        // how many partitions prefer it as their leader
  kLeaderTraffic,  // bytes a second that are appended to those
};
inline constexpr size_t kBalanceGoals = 5;
using BalanceLoad = std::array<double, kBalanceGoals>;

struct BalanceInput {
  std::vector<BalanceBroker> brokers;
  std::vector<BalancePartition> partitions;
};

struct BalanceOptions {
  // By how much of the mean a broker may differ before anything moves to balance it. Balancing goes on to half of it,
  // so that a load that changes a little does not start it again at once.
  double threshold = 0.1;
  // Balancing has begun: go on to half of the threshold.
  bool goes_on = false;
  size_t steps_max = 1000;
};

enum class StepReason : uint8_t { kGone, kLeaving, kRack, kDisk, kReplicas, kTraffic, kLeaders, kLeaderTraffic };

struct BalanceStep {
  size_t partition = 0;       // its place in the input
  bool moves_leader = false;  // only the order of the replicas changes: nothing is copied
  NodeId from = kNoNode;
  NodeId to = kNoNode;
  StepReason reason = StepReason::kDisk;
  uint64_t bytes = 0;  // that are copied
  std::vector<NodeId> before;
  std::vector<NodeId> after;
};

// A replica that should leave its broker and cannot.
struct BlockedReplica {
  size_t partition = 0;
  NodeId broker = kNoNode;
  std::string_view why;
};

struct BrokerBalance {
  NodeId id = kNoNode;
  BrokerRole role = BrokerRole::kMember;
  BalanceLoad before{};
  BalanceLoad after{};
};

struct BalancePlan {
  // In this order; each makes things better by itself.
  std::vector<BalanceStep> steps;
  std::vector<BlockedReplica> blocked;
  std::vector<BrokerBalance> brokers;  // by id
  // By how much of the mean the broker that differs most does, before the plan; what is too little to matter counts as
  // 0.
  std::array<double, kBalanceGoals> imbalance{};
  bool is_whole = true;  // steps_max did not cut it short
  // Brokers that are away: while there are any, only what is gone is replaced.
  std::vector<NodeId> waits_for;
};

BalancePlan make_balance_plan(const BalanceInput& input, const BalanceOptions& options);

// As people read them.
std::string_view goal_name(BalanceGoal goal);
std::string_view reason_text(StepReason reason);

}  // namespace weir::broker
