// What a cluster says of itself, gathered from any brokers that speak Kafka's protocol, for weir cluster. Loop thread
// only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "broker/balance/balance_plan.h"
#include "weir/admin.h"

namespace weir::cli {

struct BrokerFacts {
  client::NodeDescription broker;
  std::vector<client::LogDirDescription> directories;  // none of one that is fenced, or does not tell
  int64_t leaders = 0;
  int64_t replicas = 0;

  // Whether all that is online is cordoned: nothing new goes there.
  [[nodiscard]] bool is_cordoned() const;
  [[nodiscard]] bool tells() const { return !directories.empty(); }
  [[nodiscard]] int64_t log_bytes() const;
  // Of all directories that are online; 0 where the broker cannot tell.
  [[nodiscard]] uint64_t total_bytes() const;
  [[nodiscard]] uint64_t usable_bytes() const;
};

struct ClusterFacts {
  std::string cluster_id;
  std::vector<BrokerFacts> brokers;  // by id
  std::vector<client::TopicDescription> topics;
  std::vector<client::ReassignmentDescription> reassignments;
  client::QuorumDescription quorum;
  std::vector<client::FeatureDescription> features;
  std::map<std::string, int64_t> min_in_sync;  // of topics with replicas that are not in sync: min.insync.replicas

  [[nodiscard]] const BrokerFacts* broker(NodeId id) const;
};

// An error when no broker answers, or the controller does not.
Task<Result<ClusterFacts>> gather_cluster_facts(client::Admin& admin);

// What the planner makes a plan of. `leaving` are to be emptied whatever their state; brokers that are fenced are taken
// to come back if they are not among them.
broker::BalanceInput balance_input_of(const ClusterFacts& facts, const std::vector<int32_t>& leaving);

}  // namespace weir::cli
