// What operators ask: ListGroups, DescribeGroups, DeleteGroups, OffsetDelete.
#include <algorithm>
#include <cctype>

#include "broker/group/group_coordinator.h"
#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

constexpr std::string_view kClassicType = "classic";
constexpr std::string_view kConsumerType = "consumer";
constexpr std::string_view kConsumerProtocolType = "consumer";
constexpr int16_t kGroupNotFoundVersion = 6;

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// An empty filter lets everything pass.
bool passes(const std::vector<std::string_view>& filter, std::string_view value) {
  return filter.empty() ||
         std::ranges::any_of(filter, [&](auto wanted) { return equals_ignoring_case(wanted, value); });
}

}  // namespace

Owned<protocol::ListGroupsResponse> GroupCoordinator::list_groups(const protocol::ListGroupsRequest& request) const {
  Owned<protocol::ListGroupsResponse> answer;
  const auto list = [&](std::string_view id, std::string_view protocol_type, std::string_view state,
                        std::string_view type) {
    if (!passes(request.states_filter, state) || !passes(request.types_filter, type)) return;
    answer.message.groups.push_back({answer.keep(id), answer.keep(protocol_type), state, type});
  };
  for (const auto& [id, group] : groups_) {
    if (foreign_.contains(id)) continue;
    list(id, group->protocol_type().value_or(""), group_state_name(group->state()), kClassicType);
  }
  for (const auto& [id, group] : consumers_.all())
    list(id, kConsumerProtocolType, group_state_name(group->state()), kConsumerType);
  // Nobody can be a member of these here.
  for (const auto& [id, group] : foreign_)
    list(id, group.protocol_type, group_state_name(GroupState::kEmpty), group.type);
  std::ranges::sort(answer.message.groups, {}, &protocol::ListGroupsResponse::ListedGroup::group_id);
  return answer;
}

Owned<protocol::DescribeGroupsResponse::DescribedGroup> GroupCoordinator::describe_group(
    const GroupRequestContext& context, std::string_view group_id) const {
  Owned<protocol::DescribeGroupsResponse::DescribedGroup> answer;
  auto& message = answer.message;
  message.group_id = answer.keep(group_id);
  const ClassicGroup* group = find_group(group_id);
  const bool foreign = foreign_.contains(group_id) || consumers_.find(group_id) != nullptr;
  if (group == nullptr || foreign) {
    message.group_state = "Dead";
    if (context.api_version < kGroupNotFoundVersion) return answer;
    message.error_code = protocol::error_field(ErrorCode::kGroupIdNotFound);
    message.error_message =
        answer.keep("Group " + std::string(group_id) + (foreign ? " is not a classic group." : " not found."));
    return answer;
  }
  const bool stable = group->state() == GroupState::kStable;
  const std::string protocol = group->protocol_name().value_or("");
  message.group_state = group_state_name(group->state());
  message.protocol_type = answer.keep(group->protocol_type().value_or(""));
  if (stable) message.protocol_data = answer.keep(protocol);
  for (const auto& member : group->members()) {
    protocol::DescribeGroupsResponse::DescribedGroupMember described;
    described.member_id = answer.keep(member->id);
    described.group_instance_id = answer.keep(member->instance_id);
    described.client_id = answer.keep(member->client_id);
    described.client_host = answer.keep(member->client_host);
    if (stable) described.member_metadata = answer.keep(member->metadata(protocol));
    described.member_assignment = answer.keep(member->assignment);
    message.members.push_back(described);
  }
  return answer;
}

std::vector<TopicPartition> GroupCoordinator::delete_all_offsets(std::string_view group_id,
                                                                 std::vector<CoordinatorRecord>& records) const {
  std::vector<TopicPartition> partitions;
  const OffsetStore::Topics* topics = offsets_.find(group_id);
  if (topics == nullptr) return partitions;
  for (const auto& [topic, entries] : *topics) {
    for (const auto& [partition, entry] : entries) {
      partitions.push_back({topic, partition});
      records.push_back(offset_tombstone(group_id, partitions.back()));
    }
  }
  return partitions;
}

void GroupCoordinator::delete_group(std::string_view group_id, ReplyToken token, GroupTime) {
  const ClassicGroup* group = find_group(group_id);
  // The records of other kinds of groups are not ours to delete.
  if (foreign_.contains(group_id)) return reply(token, ErrorCode::kNonEmptyGroup);
  if (const ConsumerGroup* consumer = consumers_.find(group_id)) return delete_consumer_group(*consumer, token);
  if (group == nullptr) return reply(token, ErrorCode::kGroupIdNotFound);
  if (group->state() != GroupState::kEmpty) return reply(token, ErrorCode::kNonEmptyGroup);
  std::vector<CoordinatorRecord> records;
  std::vector<TopicPartition> writes = delete_all_offsets(group_id, records);
  records.push_back(group_tombstone(group_id));
  std::vector<Completion> replies;
  replies.push_back({token, ErrorCode::kNone});
  append(group_id, std::move(records), std::move(writes), std::move(replies), {});
}

void GroupCoordinator::delete_consumer_group(const ConsumerGroup& group, ReplyToken token) {
  if (!group.members().empty()) return reply(token, ErrorCode::kNonEmptyGroup);
  ConsumerChange change(consumers_, group.id());
  const std::string& id = change.group_id();
  std::vector<CoordinatorRecord> offsets;
  std::vector<TopicPartition> writes = delete_all_offsets(id, offsets);
  for (CoordinatorRecord& record : offsets) change.add(std::move(record));
  consumers_.remove(group, change);
  append(change, Completion{token, ErrorCode::kNone}, std::move(writes));
}

ErrorCode GroupCoordinator::validate_offset_delete(std::string_view group_id) const {
  if (group_id.empty()) return ErrorCode::kInvalidGroupId;
  if (foreign_.contains(group_id) || consumers_.find(group_id) != nullptr) return ErrorCode::kNone;
  const ClassicGroup* group = find_group(group_id);
  if (group == nullptr) return ErrorCode::kGroupIdNotFound;
  // Of consumers it is known what they read; of others with members it is not, so that nothing may be taken away.
  const bool may_be_in_use = group->state() != GroupState::kEmpty && group->protocol_type() != kConsumerProtocolType;
  return may_be_in_use ? ErrorCode::kNonEmptyGroup : ErrorCode::kNone;
}

void GroupCoordinator::offset_delete(const GroupRequestContext& context, const protocol::OffsetDeleteRequest& request,
                                     ReplyToken token, GroupTime) {
  const ErrorCode refused = validate_offset_delete(request.group_id);
  if (refused != ErrorCode::kNone) return reply(token, error_answer(request, context.api_version, refused));
  const ClassicGroup* group = find_group(request.group_id);
  const ConsumerGroup* consumer = consumers_.find(request.group_id);
  Owned<protocol::OffsetDeleteResponse> answer;
  std::vector<CoordinatorRecord> records;
  std::vector<TopicPartition> writes;
  for (const auto& topic : request.topics) {
    auto& answered = answer.message.topics.emplace_back();
    answered.name = answer.keep(topic.name);
    const bool subscribed = (group != nullptr && group->is_subscribed(topic.name)) ||
                            (consumer != nullptr && consumer->is_subscribed(topic.name));
    for (const auto& p : topic.partitions) {
      TopicPartition partition{std::string(topic.name), p.partition_index};
      ErrorCode error = subscribed ? ErrorCode::kGroupSubscribedToTopic : ErrorCode::kNone;
      if (!topics_.has_partition(partition.topic, partition.partition)) error = ErrorCode::kUnknownTopicOrPartition;
      answered.partitions.push_back({p.partition_index, protocol::error_field(error)});
      if (error != ErrorCode::kNone || offsets_.find(request.group_id, partition.topic, partition.partition) == nullptr)
        continue;
      records.push_back(offset_tombstone(request.group_id, partition));
      writes.push_back(std::move(partition));
    }
  }
  if (records.empty()) return reply(token, std::move(answer));
  std::vector<Completion> replies;
  replies.push_back({token, std::move(answer)});
  append(request.group_id, std::move(records), std::move(writes), std::move(replies), {});
}

}  // namespace weir::broker
