// What OffsetFetch reads of the committed offsets.
#include "broker/group/group_coordinator.h"
#include "broker/group/offset_fetch.h"

namespace weir::broker {

using protocol::ErrorCode;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using Group = OffsetFetchResponse::OffsetFetchResponseGroup;
using Partition = OffsetFetchResponse::OffsetFetchResponsePartitions;

namespace {

constexpr int16_t kTopicIdVersion = 10;

Partition no_offset(int32_t partition, ErrorCode error) {
  Partition answer;
  answer.partition_index = partition;
  answer.committed_offset = -1;
  answer.error_code = protocol::error_field(error);
  return answer;
}

// A topic that was deleted and made again has another id: what was committed for the old one does not hold for the new
// one.
bool is_of_another_topic(const CommittedOffset& offset, const Uuid& asked) {
  return !offset.topic_id.is_zero() && !asked.is_zero() && offset.topic_id != asked;
}

Partition read(Owned<Group>& answer, const OffsetStore::Entry* entry, int32_t partition, const Uuid& topic_id,
               bool require_stable) {
  if (entry == nullptr) return no_offset(partition, ErrorCode::kNone);
  if (require_stable && !entry->pending.empty()) return no_offset(partition, ErrorCode::kUnstableOffsetCommit);
  if (!entry->committed || is_of_another_topic(*entry->committed, topic_id))
    return no_offset(partition, ErrorCode::kNone);
  Partition found;
  found.partition_index = partition;
  found.committed_offset = entry->committed->offset.value();
  found.committed_leader_epoch = entry->committed->leader_epoch.value();
  found.metadata = answer.keep(entry->committed->metadata);
  return found;
}

}  // namespace

Owned<Group> GroupCoordinator::offset_fetch(const GroupRequestContext& context,
                                            const OffsetFetchRequest::OffsetFetchRequestGroup& group,
                                            bool require_stable) const {
  Owned<Group> answer;
  answer.message.group_id = answer.keep(group.group_id);
  if (const ConsumerGroup* consumer = consumers_.find(group.group_id)) {
    const ErrorCode refused = consumers_.validate_fetch(*consumer, group.member_id, group.member_epoch);
    if (refused != ErrorCode::kNone) return offset_fetch_error(group, context.api_version, refused);
  }
  const bool by_id = context.api_version >= kTopicIdVersion;
  if (group.topics) {
    for (const auto& asked : *group.topics) {
      auto& topic = answer.message.topics.emplace_back();
      topic.name = answer.keep(asked.name);
      topic.topic_id = asked.topic_id;
      const std::optional<std::string> name = by_id ? topics_.name_of(asked.topic_id) : std::string(asked.name);
      for (const int32_t partition : asked.partition_indexes) {
        topic.partitions.push_back(!name ? no_offset(partition, ErrorCode::kUnknownTopicId)
                                         : read(answer, offsets_.find(group.group_id, *name, partition), partition,
                                                topic.topic_id, require_stable));
      }
    }
    return answer;
  }
  const OffsetStore::Topics* all = offsets_.find(group.group_id);
  if (all == nullptr) return answer;
  for (const auto& [name, partitions] : *all) {
    OffsetFetchResponse::OffsetFetchResponseTopics topic;
    if (by_id) topic.topic_id = topics_.id_of(name);
    if (by_id && topic.topic_id.is_zero()) continue;  // deleted, and its offsets soon
    topic.name = by_id ? std::string_view() : answer.keep(name);
    for (const auto& [partition, entry] : partitions) {
      if (entry.committed) topic.partitions.push_back(read(answer, &entry, partition, topic.topic_id, require_stable));
    }
    if (!topic.partitions.empty()) answer.message.topics.push_back(std::move(topic));
  }
  return answer;
}

}  // namespace weir::broker
