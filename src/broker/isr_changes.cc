#include "broker/isr_changes.h"

#include <map>

#include "base/log.h"
#include "base/sync.h"
#include "broker/controller_client.h"
#include "broker/shard.h"
#include "protocol/error_code.h"

namespace weir::broker {
namespace {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using protocol::ErrorCode;

// For the controller to answer.
constexpr Duration kPatience = seconds(30);
constexpr Duration kRetry = seconds(1);

}  // namespace

void IsrChanges::stop() {
  stopped_ = true;
  waiting_.clear();
}

void IsrChanges::ask(IsrChange change) {
  loop_.post([this, change = std::move(change)]() mutable {
    if (stopped_) return;
    const PartitionKey key = change.partition;
    waiting_[key] = std::move(change);
    if (!std::exchange(sending_, true)) loop_.spawn(send_all());
  });
}

Task<void> IsrChanges::send_all() {
  // Those of one broker that came or went arrive one by one: they go out together.
  co_await Yield();
  while (!stopped_ && !waiting_.empty()) {
    if (!co_await send_waiting() && !stopped_) co_await sleep_for(kRetry);
  }
  sending_ = false;
}

AlterPartitionRequest IsrChanges::request_of(const Changes& changes) {
  std::map<Uuid, std::vector<const IsrChange*>> by_topic;
  for (const auto& [key, change] : changes) by_topic[key.topic_id].push_back(&change);
  AlterPartitionRequest request;
  for (const auto& [topic_id, partitions] : by_topic) {
    auto& topic = request.topics.emplace_back();
    topic.topic_id = topic_id;
    for (const IsrChange* change : partitions) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = change->partition.index.value();
      partition.leader_epoch = change->leader_epoch.value();
      partition.partition_epoch = change->partition_epoch.value();
      for (const IsrMember& member : change->isr) {
        partition.new_isr_with_epochs.push_back({member.id.value(), member.epoch.value()});
      }
    }
  }
  return request;
}

Task<bool> IsrChanges::send_waiting() {
  const quorum::BrokerImage* broker = node_.shards.front()->image()->broker(node_.node_id);
  if (broker == nullptr || node_.controller == nullptr) co_return false;
  const Changes changes = std::exchange(waiting_, {});
  AlterPartitionRequest request = request_of(changes);
  request.broker_id = node_.node_id.value();
  request.broker_epoch = broker->epoch.value();
  const auto reply = co_await node_.controller->tell(std::move(request), loop_.now() + kPatience);
  if (stopped_) co_return true;
  if (reply && reply->response.error_code == 0) {
    co_return take_answer(changes, reply->response);
  }
  log_warn("replication", "the controller was not asked for other ISRs: it is tried again",
           kv("why", reply ? std::string(protocol::error_name(protocol::error_code(reply->response.error_code)))
                           : reply.error().message));
  // What was asked for since is newer.
  for (const auto& [key, change] : changes) waiting_.try_emplace(key, change);
  co_return false;
}

bool IsrChanges::take_answer(Changes changes, const AlterPartitionResponse& response) {
  for (const auto& topic : response.topics) {
    for (const auto& partition : topic.partitions) {
      const auto found = changes.find({topic.topic_id, PartitionIndex(partition.partition_index)});
      if (found == changes.end()) continue;
      switch (protocol::error_code(partition.error_code)) {
        case ErrorCode::kIneligibleReplica:
        case ErrorCode::kOperationNotAttempted:
          // The controller says that nothing has changed since, and that it did not do it: so no other one has either.
          refuse(found->second);
          [[fallthrough]];
        case ErrorCode::kNone:
        case ErrorCode::kUnknownTopicOrPartition:
        case ErrorCode::kUnknownTopicId:
        case ErrorCode::kFencedLeaderEpoch:
        case ErrorCode::kInvalidUpdateVersion:
        case ErrorCode::kInvalidRequest:
        case ErrorCode::kNewLeaderElected:
          // What is in force the metadata will show; until then what was asked for may be it.
          changes.erase(found);
          break;
        default:
          break;
      }
    }
  }
  for (const auto& [key, change] : changes) waiting_.try_emplace(key, change);
  return changes.empty();
}

void IsrChanges::refuse(const IsrChange& change) {
  BrokerShard& shard = node_.shard_of(change.partition.topic_id, change.partition.index);
  shard.loop().post([&shard, partition = change.partition, epoch = change.partition_epoch] {
    if (const auto* found = shard.find_partition(partition.topic_id, partition.index)) {
      (*found)->isr_was_refused(epoch);
    }
  });
}

}  // namespace weir::broker
