// The metrics of a node in Prometheus' text format. Names and meanings: docs/operations/metrics.md.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "broker/cleaner/log_cleaner.h"
#include "broker/controller/balancer.h"
#include "broker/group_lag.h"
#include "broker/log_dirs.h"
#include "broker/metrics/shard_metrics.h"
#include "broker/telemetry_service.h"
#include "quorum/quorum_state.h"

namespace weir::broker {

// This node's place in the metadata quorum.
struct QuorumFacts {
  quorum::RoleName role = quorum::RoleName::kUnattached;
  NodeId leader = kNoNode;
  LeaderEpoch epoch{0};
  Offset log_end = kNoOffset;
  Offset high_watermark = kNoOffset;
};

// What the node knows of itself beside the counters of its shards.
struct NodeFacts {
  Offset metadata_offset = kNoOffset;
  size_t topics = 0;
  bool is_controller = false;
  std::optional<QuorumFacts> quorum{};  // none before the node has opened its log
  std::vector<DirectoryState> directories{};
  std::optional<BalancerReport> balancer{};  // of the active controller
  CleanerReport cleaner{};
  GroupLagReport group_lag{};
};

// A copy of one shard's numbers.
struct ShardReport {
  ShardMetrics metrics;
  size_t connections = 0;
  size_t partitions = 0;
  size_t offline_partitions = 0;
  size_t moving_partitions = 0;
  size_t leaders = 0;
  size_t under_replicated = 0;
  size_t under_min_isr = 0;
  size_t fetch_sessions = 0;
  uint64_t log_bytes = 0;
  std::map<std::pair<std::string, std::string>, size_t> groups{};  // by type and state
  TelemetryReport telemetry{};
};

std::string exposition(const NodeFacts& node, const std::vector<ShardReport>& shards);

}  // namespace weir::broker
