// What others ask of a group of the consumer protocol: how it is, and whether a member may commit or fetch offsets.
#include "broker/group/consumer_groups.h"

namespace weir::broker {

using protocol::ConsumerGroupDescribeResponse;
using protocol::ErrorCode;
using DescribedGroup = ConsumerGroupDescribeResponse::DescribedGroup;
using DescribedTopics = std::vector<ConsumerGroupDescribeResponse::TopicPartitions>;

namespace {

constexpr int16_t kMemberEpochVersion = 9;
constexpr int8_t kClassicMember = 0;
constexpr int8_t kConsumerMember = 1;

ErrorCode wrong_epoch(const ConsumerMember& member) {
  return member.is_classic() ? ErrorCode::kIllegalGeneration : ErrorCode::kStaleMemberEpoch;
}

void add_partitions(const TopicCatalog& topics, const PartitionSets& partitions, Owned<DescribedGroup>& answer,
                    DescribedTopics& to) {
  for (const auto& [id, indexes] : partitions) {
    const std::optional<std::string> name = topics.name_of(id);
    if (!name) continue;  // deleted
    auto& topic = to.emplace_back();
    topic.topic_id = id;
    topic.topic_name = answer.keep(*name);
    topic.partitions.assign(indexes.begin(), indexes.end());
  }
}

}  // namespace

Owned<DescribedGroup> ConsumerGroups::describe(const ConsumerGroup& group) const {
  Owned<DescribedGroup> answer;
  DescribedGroup& message = answer.message;
  message.group_id = answer.keep(group.id());
  message.group_state = group_state_name(group.state());
  message.group_epoch = group.epoch();
  message.assignment_epoch = group.assignment_epoch();
  message.assignor_name = answer.keep(group.preferred_assignor().value_or(config_.consumer_assignors.front()));
  for (const auto& [id, member] : group.members()) {
    const ConsumerSubscription& subscription = member->subscription;
    auto& described = message.members.emplace_back();
    described.member_id = answer.keep(id);
    described.instance_id = answer.keep(subscription.instance_id);
    described.rack_id = answer.keep(subscription.rack_id);
    described.member_epoch = member->progress.epoch;
    described.client_id = answer.keep(subscription.client_id);
    described.client_host = answer.keep(subscription.client_host);
    for (const std::string& topic : subscription.topics) described.subscribed_topic_names.push_back(answer.keep(topic));
    described.subscribed_topic_regex = answer.keep(subscription.topic_regex);
    // What it is about to revoke it still answers for.
    PartitionSets has;
    for (const PartitionEpochs* partitions : {&member->progress.assigned, &member->progress.to_revoke}) {
      for (const auto& [topic, epochs] : *partitions) {
        for (const auto& [partition, epoch] : epochs) has[topic].insert(partition);
      }
    }
    add_partitions(topics_, has, answer, described.assignment.topic_partitions);
    add_partitions(topics_, group.target(id), answer, described.target_assignment.topic_partitions);
    described.member_type = member->is_classic() ? kClassicMember : kConsumerMember;
  }
  return answer;
}

ErrorCode ConsumerGroups::validate_commit(const ConsumerGroup& group, int16_t api_version,
                                          const protocol::OffsetCommitRequest& request) const {
  const int32_t epoch = request.generation_id_or_member_epoch;
  // Who does not use membership may commit while nobody does.
  if (epoch < 0 && group.members().empty()) return ErrorCode::kNone;
  const std::shared_ptr<const ConsumerMember> member = group.find(request.member_id);
  if (member == nullptr) return ErrorCode::kUnknownMemberId;
  if (!member->is_classic() && api_version < kMemberEpochVersion) return ErrorCode::kUnsupportedVersion;
  return epoch > member->progress.epoch ? wrong_epoch(*member) : ErrorCode::kNone;
}

ErrorCode ConsumerGroups::may_commit_to(const ConsumerGroup& group, std::string_view member_id, int32_t epoch,
                                        const Uuid& topic, int32_t partition) {
  const std::shared_ptr<const ConsumerMember> member = group.find(member_id);
  if (member == nullptr || epoch == member->progress.epoch) return ErrorCode::kNone;
  for (const PartitionEpochs* partitions : {&member->progress.assigned, &member->progress.to_revoke}) {
    const auto it = partitions->find(topic);
    if (it == partitions->end()) continue;
    if (const auto at = it->second.find(partition); at != it->second.end())
      return epoch >= at->second ? ErrorCode::kNone : wrong_epoch(*member);
  }
  return wrong_epoch(*member);
}

ErrorCode ConsumerGroups::validate_fetch(const ConsumerGroup& group, const std::optional<std::string_view>& member_id,
                                         int32_t epoch) const {
  if (!member_id && epoch < 0) return ErrorCode::kNone;
  const std::shared_ptr<const ConsumerMember> member = group.find(member_id.value_or(""));
  if (member == nullptr) return ErrorCode::kUnknownMemberId;
  return epoch == member->progress.epoch ? ErrorCode::kNone : wrong_epoch(*member);
}

}  // namespace weir::broker
