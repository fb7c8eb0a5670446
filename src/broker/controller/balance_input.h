// What the balancer knows of the cluster, from the metadata and from what the brokers say of their log directories.
// Plain code; controller's loop.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "base/time.h"
#include "base/types.h"
#include "broker/balance/balance_plan.h"
#include "quorum/metadata_image.h"
#include "storage/topic_partition.h"

namespace weir::broker {

// What one broker has answered to DescribeLogDirs.
struct BrokerLogs {
  uint64_t capacity_bytes = 0;  // of all directories; 0: it cannot tell
  uint64_t free_bytes = 0;
  std::map<storage::TopicPartition, uint64_t> sizes;
};

// How much is appended to partitions, from how their logs grow from one look to the next. Any broker tells sizes,
// Apache Kafka's too, and none tells rates. A look before which a log has shrunk (retention, compaction) says nothing.
class TrafficMeter {
 public:
  void observe(const storage::TopicPartition& partition, uint64_t size, MonotonicTime now);
  // Bytes a second, as of the last ten minutes or so.
  [[nodiscard]] double rate(const storage::TopicPartition& partition) const;
  // Forgets partitions that were not observed since `then`.
  void forget_before(MonotonicTime then);

 private:
  struct Seen {
    uint64_t size = 0;
    MonotonicTime when{};
    double rate = 0;
    bool has_rate = false;
  };
  std::map<storage::TopicPartition, Seen> seen_;  // one for each partition of the cluster
};

struct ClusterLoads {
  std::map<NodeId, BrokerLogs> brokers;  // of each that is active
  TrafficMeter traffic;
};

// What a planner sees: `gone` are the brokers that are registered and are not expected back. Partitions that are being
// reassigned count as if that were done.
BalanceInput make_balance_input(const quorum::MetadataImage& image, const std::set<NodeId>& gone,
                                const ClusterLoads& loads);

}  // namespace weir::broker
