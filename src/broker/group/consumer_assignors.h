// The assignors of the consumer protocol, which the coordinator runs: `uniform` and `range`, with the results of
// Kafka's. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "broker/group/consumer_group.h"

namespace weir::broker {

struct AssignorMember {
  std::string_view id;
  std::optional<std::string_view> instance_id;
  std::vector<Uuid> topics;  // that it reads and that exist, sorted
  const PartitionSets* current = nullptr;
};

struct AssignorInput {
  std::vector<AssignorMember> members;  // sorted by id
  bool homogeneous = true;              // all members read the same topics
  std::map<Uuid, int32_t> partition_counts;
};

// What each member is to have, in the order of the members: every partition of every topic that somebody reads belongs
// to one member that reads it.
using Assignor = std::vector<PartitionSets> (*)(const AssignorInput& input);

// All members have as many partitions as the others or one more, and keep what they have as far as that allows.
std::vector<PartitionSets> assign_uniform(const AssignorInput& input);
// Each topic is cut into ranges, one for each of its members in the order of their instances' or their own ids, so that
// topics with the same number of partitions and the same members are cut alike. Keeps nothing.
std::vector<PartitionSets> assign_range(const AssignorInput& input);

inline constexpr std::string_view kUniformAssignor = "uniform";
inline constexpr std::string_view kRangeAssignor = "range";
// nullptr for an unknown name.
Assignor find_assignor(std::string_view name);

}  // namespace weir::broker
