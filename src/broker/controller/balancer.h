// Balancer: decides what the active controller does about the balance of its cluster, by few steps at a time: which
// reassignments begin or are given up, which leaders change, which throttles are set and taken away. It knows what it
// began; everything else it reads from the metadata, so a controller that takes over goes on from what is there. Plain
// code: no I/O; time is handed in. Owned by BalancerService, which acts; the controller's loop only.
// Why it is as it is: docs/decisions/0017-balancer.md.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "broker/balance/balance_plan.h"
#include "broker/controller/balance_input.h"
#include "broker/controller/config_change.h"
#include "quorum/metadata_image.h"
#include "storage/topic_partition.h"

namespace weir::broker {

// From the settings weir.balancer.*, named as there.
struct BalancerSettings {
  bool enabled = false;
  double threshold = 0.1;  // of the mean
  size_t moves_max = 5;
  int64_t throttle_bytes_per_second = 0;
  std::optional<Duration> broker_failure;  // none: brokers are always expected back
};

enum class BalancerState : uint8_t {
  kOff,
  kBalanced,  // nothing to do
  kMoving,
  kWaiting,  // for a broker that is away, a reassignment of somebody else, or to learn of the loads
  kBlocked,  // something should move and cannot
};
inline constexpr std::array kAllBalancerStates = {BalancerState::kOff, BalancerState::kBalanced, BalancerState::kMoving,
                                                  BalancerState::kWaiting, BalancerState::kBlocked};
std::string_view balancer_state_name(BalancerState state);

// Since this controller became the active one.
struct BalancerReport {
  BalancerState state = BalancerState::kOff;
  size_t moving = 0;
  uint64_t moves = 0;  // that came to their end
  uint64_t moved_bytes = 0;
  uint64_t leader_moves = 0;
  uint64_t given_up = 0;
  size_t blocked = 0;
  std::array<double, kBalanceGoals> imbalance{};
};

struct ThrottleEdit {
  quorum::ConfigResourceType type;
  std::string resource;
  std::string_view key;
  ConfigOperation operation;
  std::string value;
};
struct Reassignment {
  storage::TopicPartition partition;
  std::optional<std::vector<NodeId>> replicas;  // none: back to what it was
};
// To be carried out in this order.
struct BalancerActions {
  std::vector<ThrottleEdit> throttles;
  std::vector<Reassignment> reassignments;
  std::vector<storage::TopicPartition> elections;  // of their preferred leaders
  std::vector<BalanceStep> steps;                  // that these carry out, to be logged
  [[nodiscard]] bool empty() const { return throttles.empty() && reassignments.empty() && elections.empty(); }
};

class Balancer {
 public:
  // This node has become the active controller.
  void begin_term() { *this = Balancer(); }

  // Takes note of what became of moves and brokers. Gives moves up whose destination has gone, and takes throttles away
  // when nothing moves any more.
  BalancerActions look(const quorum::MetadataImage& image, const BalancerSettings& settings, MonotonicTime now);

  // After look(): whether a plan is of use now. Nothing begins while somebody else reassigns partitions.
  [[nodiscard]] bool wants_plan(const BalancerSettings& settings) const;
  // Brokers that are registered and not expected back.
  [[nodiscard]] std::set<NodeId> gone(const BalancerSettings& settings, MonotonicTime now) const;
  [[nodiscard]] BalanceOptions options(const BalancerSettings& settings) const;
  // Begins the first steps of `plan`, made of `input`: as many as may be under way, and only what still fits the image.
  BalancerActions begin(const quorum::MetadataImage& image, const BalancerSettings& settings, const BalanceInput& input,
                        const BalancePlan& plan);
  // The loads are not known: a broker did not tell.
  void wait() { report_.state = BalancerState::kWaiting; }

  [[nodiscard]] bool is_moving() const { return !moves_.empty(); }
  [[nodiscard]] const BalancerReport& report() const { return report_; }

 private:
  struct Move {
    std::vector<NodeId> target;
    uint64_t bytes = 0;
  };
  using Key = storage::TopicPartition;

  void note_brokers(const quorum::MetadataImage& image, MonotonicTime now);
  void note_moves(const quorum::MetadataImage& image, BalancerActions& actions);
  void count_reassignments(const quorum::MetadataImage& image);
  void clear_throttles(const quorum::MetadataImage& image, const BalancerSettings& settings, BalancerActions& actions);
  // The edit that takes `entries` off a list; all for none.
  static ThrottleEdit shortened(const std::string& topic, std::string_view key, const std::string& list,
                                const std::set<std::string>& entries);
  void add_throttles(const quorum::MetadataImage& image, const BalancerSettings& settings,
                     const std::vector<BalanceStep>& steps, const BalanceInput& input, BalancerActions& actions);
  static bool fits(const quorum::MetadataImage& image, const BalancePartition& partition, const BalanceStep& step);

  std::map<NodeId, MonotonicTime> away_since_;
  std::map<Key, Move> moves_;  // at most moves_max
  size_t others_ = 0;          // reassignments of somebody else
  // What this balancer has added to lists of throttled replicas, by topic and name of the list.
  std::map<std::pair<std::string, std::string_view>, std::set<std::string>> throttled_;
  bool goes_on_ = false;  // balancing has begun
  BalancerReport report_;
};

}  // namespace weir::broker
