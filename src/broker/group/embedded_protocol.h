// The consumer's own formats within the classic protocol: the subscription that a member sends and the assignment that
// it gets, as far as the coordinator has to understand them for groups that mix both protocols. Stateless; any thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "broker/group/consumer_group.h"
#include "broker/group/topic_catalog.h"
#include "broker/group/topic_partition.h"

namespace weir::broker {

struct EmbeddedSubscription {
  std::set<std::string, std::less<>> topics;
  std::vector<TopicPartition> owned;
  std::optional<std::string> rack_id;
};
struct EmbeddedAssignment {
  std::vector<TopicPartition> partitions;
  bool has_user_data = false;  // of an assignor of the client's own
};

// kCorrupt for other bytes.
Result<EmbeddedSubscription> parse_embedded_subscription(ByteView metadata);
Result<EmbeddedAssignment> parse_embedded_assignment(ByteView assignment);
// For a member with this subscription, in its version.
ByteVector encode_embedded_assignment(const PartitionSets& partitions, const TopicCatalog& topics, ByteView metadata);
// Those of topics that exist.
PartitionSets with_ids(const std::vector<TopicPartition>& partitions, const TopicCatalog& topics);

}  // namespace weir::broker
