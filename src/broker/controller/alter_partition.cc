// AlterPartition: the leader of a partition has found that its ISR should change.
#include <algorithm>
#include <set>

#include "broker/controller/controller.h"
#include "broker/controller/leadership.h"
#include "quorum/metadata_delta.h"

namespace weir::broker {
namespace {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using protocol::ErrorCode;
using Wanted = AlterPartitionRequest::PartitionData;

// The wanted ISR with the broker epochs that its members had; -1: not said (version 2).
std::vector<AlterPartitionRequest::BrokerState> isr_of(const Wanted& wanted, int16_t api_version) {
  if (api_version >= 3) return wanted.new_isr_with_epochs;
  std::vector<AlterPartitionRequest::BrokerState> isr;
  for (int32_t id : wanted.new_isr) isr.push_back({id, -1});
  return isr;
}

bool may_join_isr(const quorum::MetadataImage& image, const AlterPartitionRequest::BrokerState& state) {
  const quorum::BrokerImage* broker = image.broker(NodeId(state.broker_id));
  return broker != nullptr && broker->is_active() &&
         (state.broker_epoch == -1 || state.broker_epoch == broker->epoch.value());
}

ErrorCode check(const quorum::MetadataImage& image, const quorum::PartitionImage& partition, NodeId sender,
                const Wanted& wanted, const std::vector<AlterPartitionRequest::BrokerState>& isr) {
  // Somebody knows more than this controller: it has been replaced.
  if (wanted.leader_epoch > partition.leader_epoch.value() ||
      wanted.partition_epoch > partition.partition_epoch.value()) {
    return ErrorCode::kNotController;
  }
  if (wanted.leader_epoch < partition.leader_epoch.value()) return ErrorCode::kFencedLeaderEpoch;
  if (sender != partition.leader) return ErrorCode::kInvalidRequest;
  if (wanted.partition_epoch < partition.partition_epoch.value()) return ErrorCode::kInvalidUpdateVersion;
  std::set<int32_t> members;
  for (const auto& state : isr) {
    if (!partition.has_replica(NodeId(state.broker_id))) return ErrorCode::kInvalidRequest;
    if (!members.insert(state.broker_id).second) return ErrorCode::kInvalidRequest;
  }
  if (!members.contains(sender.value())) return ErrorCode::kInvalidRequest;
  const auto state = static_cast<quorum::LeaderRecoveryState>(wanted.leader_recovery_state);
  if (state == quorum::LeaderRecoveryState::kRecovering) {
    const bool was_recovered = partition.leader_recovery_state == quorum::LeaderRecoveryState::kRecovered;
    if (members.size() > 1 || was_recovered) return ErrorCode::kInvalidRequest;
  } else if (state != quorum::LeaderRecoveryState::kRecovered) {
    return ErrorCode::kInvalidRequest;
  }
  const bool all_eligible = std::ranges::all_of(isr, [&](const auto& member) { return may_join_isr(image, member); });
  return all_eligible ? ErrorCode::kNone : ErrorCode::kIneligibleReplica;
}

}  // namespace

Decision<AlterPartitionResponse> Controller::decide(const AlterPartitionRequest& request,
                                                    const DecideContext& context) {
  auto decision = no_change<AlterPartitionResponse>();
  decision.is_divisible = true;
  if (current_broker(request.broker_id, request.broker_epoch) == nullptr) {
    decision.reply.response.error_code = protocol::error_field(ErrorCode::kStaleBrokerEpoch);
    return decision;
  }
  for (const auto& topic_data : request.topics) {
    const auto topic = image_.topic(topic_data.topic_id);
    auto& topic_result = decision.reply.response.topics.emplace_back();
    topic_result.topic_id = topic_data.topic_id;
    for (const Wanted& wanted : topic_data.partitions) {
      auto& result = topic_result.partitions.emplace_back();
      result.partition_index = wanted.partition_index;
      const PartitionIndex index(wanted.partition_index);
      const quorum::PartitionImage* partition = topic == nullptr ? nullptr : topic->partition(index);
      if (partition == nullptr) {
        result.error_code =
            protocol::error_field(topic == nullptr ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition);
        continue;
      }
      const auto isr = isr_of(wanted, context.api_version);
      const ErrorCode error = check(image_, *partition, NodeId(request.broker_id), wanted, isr);
      if (error != ErrorCode::kNone) {
        result.error_code = protocol::error_field(error);
        continue;
      }
      auto change = change_of(image_, rules_, *topic, index);
      change.target_isr.clear();
      for (const auto& member : isr) change.target_isr.emplace_back(member.broker_id);
      change.target_recovery_state = static_cast<quorum::LeaderRecoveryState>(wanted.leader_recovery_state);
      quorum::PartitionImage after = *partition;
      if (const auto record = decide_partition_change(change)) {
        decision.records.add(*record);
        after = quorum::apply_change(*partition, *record).value();
      }
      // A reassignment that this completes may have moved the leader away from the sender.
      if (after.leader.value() != request.broker_id) {
        result.error_code = protocol::error_field(ErrorCode::kNewLeaderElected);
        continue;
      }
      result.leader_id = after.leader.value();
      result.isr = quorum::to_ints(after.isr);
      result.leader_recovery_state = static_cast<int8_t>(after.leader_recovery_state);
      result.leader_epoch = after.leader_epoch.value();
      result.partition_epoch = after.partition_epoch.value();
    }
  }
  return decision;
}

}  // namespace weir::broker
