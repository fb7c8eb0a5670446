// OffsetCommit: who may commit, and the records of what is committed.
#include "broker/group/group_coordinator.h"
#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::ErrorCode;
using protocol::OffsetCommitRequest;

namespace {

// From this version on an unknown group is named as such; before, the only fitting error was that of a wrong
// generation.
constexpr int16_t kGroupNotFoundVersion = 9;
constexpr int16_t kTopicIdVersion = 10;
constexpr int64_t kDefaultRetention = -1;

// The length that Java's String.length() gives: UTF-16 units.
int64_t utf16_units(std::string_view text) {
  int64_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte & 0xc0) == 0x80) continue;  // the rest of a character
    units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

}  // namespace

void GroupCoordinator::offset_commit(const GroupRequestContext& context, const OffsetCommitRequest& request,
                                     ReplyToken token, GroupTime now) {
  // A partition that there is not is named as such, whatever else is wrong.
  const ErrorCode refused = validate_commit(context, request);
  ClassicGroup* group = find(request.group_id);
  const ConsumerGroup* consumer = consumers_.find(request.group_id);
  // A commit is a sign of life, as long as the member is not expected to do something else first.
  if (refused == ErrorCode::kNone && group != nullptr &&
      (group->state() == GroupState::kStable || group->state() == GroupState::kPreparingRebalance))
    restart_session(*group->find(request.member_id), now);
  Owned<protocol::OffsetCommitResponse> answer;
  std::vector<CoordinatorRecord> records;
  std::vector<TopicPartition> writes;
  const bool by_id = context.api_version >= kTopicIdVersion;
  for (const auto& topic : request.topics) {
    auto& answered = answer.message.topics.emplace_back();
    answered.name = answer.keep(topic.name);
    answered.topic_id = topic.topic_id;
    const std::optional<std::string> name = by_id ? topics_.name_of(topic.topic_id) : std::string(topic.name);
    const Uuid topic_id = by_id ? topic.topic_id : topics_.id_of(topic.name);
    for (const auto& p : topic.partitions) {
      TopicPartition partition{name.value_or(""), p.partition_index};
      ErrorCode error = name ? check_partition(partition) : ErrorCode::kUnknownTopicId;
      if (error == ErrorCode::kNone) error = refused;
      if (error == ErrorCode::kNone) error = check_room(request.group_id, partition, p.committed_metadata);
      if (consumer != nullptr && error == ErrorCode::kNone)
        error = ConsumerGroups::may_commit_to(*consumer, request.member_id, request.generation_id_or_member_epoch,
                                              topic_id, p.partition_index);
      answered.partitions.push_back({p.partition_index, protocol::error_field(error)});
      if (error != ErrorCode::kNone) continue;
      CommittedOffset offset{.offset = Offset(p.committed_offset),
                             .leader_epoch = LeaderEpoch(p.committed_leader_epoch),
                             .metadata = std::string(p.committed_metadata.value_or("")),
                             .commit_time = now.wall,
                             .topic_id = topic_id};
      if (request.retention_time_ms != kDefaultRetention) offset.expire_time = now.wall + request.retention_time_ms;
      records.push_back(offset_record(request.group_id, partition, offset));
      writes.push_back(std::move(partition));
    }
  }
  if (records.empty()) return reply(token, std::move(answer));
  if (consumer == nullptr) find_or_create(request.group_id, now);
  std::vector<Completion> replies;
  replies.push_back({token, std::move(answer)});
  append(request.group_id, std::move(records), std::move(writes), std::move(replies), {});
}

ErrorCode GroupCoordinator::check_partition(const TopicPartition& partition) const {
  return topics_.has_partition(partition.topic, partition.partition) ? ErrorCode::kNone
                                                                     : ErrorCode::kUnknownTopicOrPartition;
}

ErrorCode GroupCoordinator::check_room(std::string_view group_id, const TopicPartition& partition,
                                       const std::optional<std::string_view>& metadata) const {
  if (metadata && utf16_units(*metadata) > config_.offset_metadata_size_max) return ErrorCode::kOffsetMetadataTooLarge;
  const bool known = offsets_.find(group_id, partition.topic, partition.partition) != nullptr;
  if (!known && memory_bytes() >= config_.memory_max_bytes) return ErrorCode::kCoordinatorNotAvailable;
  return ErrorCode::kNone;
}

ErrorCode GroupCoordinator::validate_commit(const GroupRequestContext& context,
                                            const OffsetCommitRequest& request) const {
  const bool claims_membership = request.generation_id_or_member_epoch >= 0;
  if (foreign_.contains(request.group_id)) return claims_membership ? ErrorCode::kUnknownMemberId : ErrorCode::kNone;
  if (const ConsumerGroup* consumer = consumers_.find(request.group_id))
    return consumers_.validate_commit(*consumer, context.api_version, request);
  const ClassicGroup* group = find_group(request.group_id);
  if (group != nullptr) return validate_commit_to(*group, request);
  // Who does not use membership may commit to a group that nobody has made.
  if (!claims_membership) return ErrorCode::kNone;
  return context.api_version >= kGroupNotFoundVersion ? ErrorCode::kGroupIdNotFound : ErrorCode::kIllegalGeneration;
}

ErrorCode GroupCoordinator::validate_commit_to(const ClassicGroup& group, const OffsetCommitRequest& request) const {
  const bool claims_membership = request.generation_id_or_member_epoch >= 0;
  if (!claims_membership && group.state() == GroupState::kEmpty) return ErrorCode::kNone;
  if (!claims_membership && request.member_id.empty() && !request.group_instance_id) return ErrorCode::kUnknownMemberId;
  const ErrorCode error = group.validate(request.member_id, request.group_instance_id);
  if (error != ErrorCode::kNone) return error;
  if (request.generation_id_or_member_epoch != group.generation()) return ErrorCode::kIllegalGeneration;
  // The member has been told of the new generation but does not own its partitions before it has its assignment.
  return group.state() == GroupState::kCompletingRebalance ? ErrorCode::kRebalanceInProgress : ErrorCode::kNone;
}

}  // namespace weir::broker
