// What CreateTopics and CreatePartitions check and decide alike: names, hand-made assignments, and the records of new
// partitions. Pure functions; controller's loop.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "protocol/error_code.h"
#include "protocol/messages/partition_record.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// A refusal on the wire, with a sentence for people.
struct ApiError {
  protocol::ErrorCode code;
  std::string message;
};

// The refusal of what a quota does not allow now.
inline ApiError quota_exceeded() {
  constexpr auto kCode = protocol::ErrorCode::kThrottlingQuotaExceeded;
  return {kCode, std::string(protocol::error_message(kCode))};
}

// What is wrong with a topic's name; nothing if it may be used.
std::optional<std::string> topic_name_problem(std::string_view name);

// Metrics and file names of old mapped '.' to '_': two topics must not become one by that. The name of such a topic.
const std::string* colliding_topic(const quorum::MetadataImage& image, std::string_view name);

// INVALID_REPLICA_ASSIGNMENT when `replicas` cannot be those of a partition: none, doubled, or not registered, or not
// as many as `replication_factor`, or none of them active.
std::optional<ApiError> check_assignment(const quorum::MetadataImage& image, const std::vector<NodeId>& replicas,
                                         std::optional<size_t> replication_factor);

// A new partition with these replicas, the first active one leading; at least one is active.
protocol::PartitionRecord new_partition(const quorum::MetadataImage& image, const Uuid& topic_id, int32_t index,
                                        const std::vector<NodeId>& replicas);

}  // namespace weir::broker
