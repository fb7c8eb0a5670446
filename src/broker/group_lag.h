// How far consumer groups are behind the ends of the logs that they read, in records and in time. Only of what this
// node knows: groups that it coordinates, partitions that it leads.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/task.h"
#include "base/time.h"
#include "base/types.h"
#include "broker/partition_key.h"

namespace weir::broker {

class BrokerShard;
class Partition;
struct NodeContext;

struct Lag {
  int64_t records = 0;
  // Age of the oldest record that is not committed yet; none while its batch is still being read from the disk, and for
  // batches that have no time.
  std::optional<Duration> age;
};

// The lag in partitions of one shard. Owned by it; its loop only.
class LagReader {
 public:
  struct Position {
    PartitionKey partition;
    Offset committed;
  };
  // Positions that are answered between two turns of the loop.
  static constexpr size_t kAtOnce = 128;

  explicit LagReader(BrokerShard& shard) : shard_(shard) {}

  // One answer for each position, none for a partition that this node does not lead.
  Task<std::vector<std::optional<Lag>>> measure(std::vector<Position> positions);

 private:
  // Of records that were looked up for the last measurement: a group that does not get on costs nothing again.
  struct Key {
    PartitionKey partition;
    Offset offset;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const noexcept {
      return PartitionKeyHash{}(key.partition) ^ std::hash<int64_t>{}(key.offset.value());
    }
  };
  using Times = std::unordered_map<Key, Timestamp, KeyHash>;

  std::optional<Lag> measure_one(const Position& position, Times& times);
  std::optional<Timestamp> time_of(const Key& key, const std::shared_ptr<Partition>& partition);
  // Looks up what is not in memory, one after the other.
  Task<void> read_cold();

  BrokerShard& shard_;
  Times times_;
  std::unordered_map<Key, std::shared_ptr<Partition>, KeyHash> cold_;
  bool reading_cold_ = false;
};

struct TopicLag {
  std::string group;
  std::string topic;
  Lag lag;  // records of all partitions; the age of the oldest
};

struct GroupLagReport {
  std::vector<TopicLag> topics;
  size_t left_out = 0;  // pairs of a group and a topic beyond `max`
};

// At most `max` pairs of a group and a topic: those that are furthest behind. First loop.
Task<GroupLagReport> measure_group_lag(NodeContext& node, size_t max);

}  // namespace weir::broker
