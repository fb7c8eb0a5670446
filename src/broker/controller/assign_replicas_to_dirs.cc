// AssignReplicasToDirs: a broker says in which of its directories a replica lives.
#include "broker/controller/controller.h"
#include "broker/controller/leadership.h"

namespace weir::broker {

using protocol::AssignReplicasToDirsRequest;
using protocol::AssignReplicasToDirsResponse;
using protocol::ErrorCode;

Decision<AssignReplicasToDirsResponse> Controller::decide(const AssignReplicasToDirsRequest& request,
                                                          const DecideContext&) {
  auto decision = no_change<AssignReplicasToDirsResponse>();
  decision.is_divisible = true;
  auto& response = decision.reply.response;
  const auto refuse = [&](ErrorCode code) {
    response.error_code = protocol::error_field(code);
    return std::move(decision);
  };
  if (!image_.metadata_version().has_directories()) return refuse(ErrorCode::kUnsupportedVersion);
  const quorum::BrokerImage* broker = current_broker(request.broker_id, request.broker_epoch);
  if (broker == nullptr) return refuse(ErrorCode::kStaleBrokerEpoch);

  const auto assign = [&](const quorum::TopicImage* topic, PartitionIndex index, const Uuid& directory) {
    if (topic == nullptr) return ErrorCode::kUnknownTopicId;
    const quorum::PartitionImage* partition = topic->partition(index);
    if (partition == nullptr) return ErrorCode::kUnknownTopicOrPartition;
    if (!partition->has_replica(broker->id)) return ErrorCode::kNotLeaderOrFollower;
    // A replica that turns up in a directory that is gone cannot stay in the ISR.
    const NodeId leaving = is_online(*broker, directory) ? kNoNode : broker->id;
    auto change = change_of(image_, rules_, *topic, index, {.leaving = leaving});
    change.directories[broker->id] = directory;
    if (const auto record = decide_partition_change(change)) decision.records.add(*record);
    return ErrorCode::kNone;
  };
  for (const auto& directory : request.directories) {
    auto& directory_result = response.directories.emplace_back();
    directory_result.id = directory.id;
    for (const auto& topic_data : directory.topics) {
      const auto topic = image_.topic(topic_data.topic_id);
      auto& topic_result = directory_result.topics.emplace_back();
      topic_result.topic_id = topic_data.topic_id;
      for (const auto& partition : topic_data.partitions) {
        const ErrorCode error = assign(topic.get(), PartitionIndex(partition.partition_index), directory.id);
        topic_result.partitions.push_back({partition.partition_index, protocol::error_field(error)});
      }
    }
  }
  return decision;
}

}  // namespace weir::broker
