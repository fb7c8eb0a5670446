#include "broker/group/group_invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/reader.h"

namespace weir::broker {

Result<std::vector<TopicPartition>> assigned_partitions(ByteView assignment) {
  std::vector<TopicPartition> partitions;
  if (assignment.empty()) return partitions;
  protocol::Reader in(assignment);
  // A newer version only adds fields behind the known ones.
  const int16_t version = std::min(in.int16(), protocol::ConsumerProtocolAssignment::kMaxVersion);
  TRY(in.status(protocol::ConsumerProtocolAssignment::kName, version));
  protocol::ConsumerProtocolAssignment message;
  TRY(message.decode(in, version));
  for (const auto& topic : message.assigned_partitions) {
    for (const int32_t partition : topic.partitions) partitions.push_back({std::string(topic.topic), partition});
  }
  return partitions;
}

void NoPartitionHasTwoOwners::on_assignment(std::string_view group_id, int32_t generation, std::string_view member_id,
                                            ByteView assignment) {
  const Result<std::vector<TopicPartition>> partitions = assigned_partitions(assignment);
  if (!partitions) return;  // not a consumer
  auto& owners = owners_[{std::string(group_id), generation}];
  for (const TopicPartition& partition : *partitions) {
    const auto [it, first] = owners.emplace(partition, member_id);
    if (first || it->second == member_id || breach_) continue;
    breach_ = fmt::format("{}: {}-{} belongs to {} and to {} in generation {} of {}", kName, partition.topic,
                          partition.partition, it->second, member_id, generation, group_id);
  }
}

void GenerationNeverGoesBack::on_generation(std::string_view group_id, int32_t generation) {
  int32_t& greatest = generations_.try_emplace(std::string(group_id), generation).first->second;
  if (generation < greatest && !breach_)
    breach_ = fmt::format("{}: {} went from {} to {}", kName, group_id, greatest, generation);
  greatest = std::max(greatest, generation);
}

void CommittedOffsetIsNeverLost::on_attempt(std::string_view group_id, const TopicPartition& partition,
                                            int64_t offset) {
  histories_[{std::string(group_id), partition}].attempts.push_back(offset);
}

void CommittedOffsetIsNeverLost::on_acknowledged(std::string_view group_id, const TopicPartition& partition,
                                                 int64_t offset) {
  histories_[{std::string(group_id), partition}] = {offset, {}};
}

void CommittedOffsetIsNeverLost::on_deleted(std::string_view group_id, const TopicPartition& partition) {
  histories_.erase({std::string(group_id), partition});
}

void CommittedOffsetIsNeverLost::on_fetched(std::string_view group_id, const TopicPartition& partition,
                                            int64_t offset) {
  const auto it = histories_.find({std::string(group_id), partition});
  if (it == histories_.end() || breach_) return;
  const auto& [acknowledged, attempts] = it->second;
  if (offset == acknowledged.value_or(-1) || std::ranges::find(attempts, offset) != attempts.end()) return;
  breach_ = fmt::format("{}: {} committed {} for {}-{} and found {}", kName, group_id, acknowledged.value_or(-1),
                        partition.topic, partition.partition, offset);
}

}  // namespace weir::broker
