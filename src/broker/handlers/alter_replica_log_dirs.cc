#include "broker/handlers/alter_replica_log_dirs.h"

#include <map>

#include "broker/log_dirs.h"
#include "broker/move_replica.h"
#include "broker/server/on_owners.h"
#include "broker/shard.h"
#include "storage/file_names.h"

namespace weir::broker {
namespace {

using protocol::AlterReplicaLogDirsResponse;
using protocol::ErrorCode;

// A replica, once, with the last directory that is named for it.
using Wishes = std::map<storage::TopicPartition, std::string>;

struct Item {
  Uuid topic_id;
  PartitionIndex index;
  ErrorCode error = ErrorCode::kNone;
  LogPlace target{};
};

ErrorCode code_of(TargetProblem problem) {
  switch (problem) {
    case TargetProblem::kUnknown:
      return ErrorCode::kLogDirNotFound;
    case TargetProblem::kOffline:
      return ErrorCode::kKafkaStorageError;
    case TargetProblem::kCordoned:
      return ErrorCode::kInvalidReplicaAssignment;
  }
  return ErrorCode::kUnknownServerError;
}

// Why the replica is none of this node's; kNone when it is one.
ErrorCode check_replica(NodeContext& node, const quorum::TopicImage* topic, PartitionIndex index) {
  const quorum::PartitionImage* partition = topic == nullptr ? nullptr : topic->partition(index);
  if (partition == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  return partition->has_replica(node.node_id) ? ErrorCode::kNone : ErrorCode::kReplicaNotAvailable;
}

Task<Item> make_item(RequestContext& context, storage::TopicPartition partition, std::string path) {
  NodeContext& node = context.shard.node();
  const auto topic = context.image->topic(partition.topic);
  Item item{.topic_id = topic == nullptr ? kZeroUuid : topic->id, .index = partition.index};
  if (!storage::fits_marked_directory(partition, storage::DirectoryKind::kFuture)) {
    item.error = ErrorCode::kInvalidTopicException;
    co_return item;
  }
  item.error = check_replica(node, topic.get(), partition.index);
  // One that is not here yet is made there when it comes; the answer still says that it is not here.
  const bool comes_later = item.error != ErrorCode::kNone;
  auto target = co_await node.log_dirs->find_target(std::move(path),
                                                    comes_later ? std::optional(std::move(partition)) : std::nullopt);
  if (target) {
    item.target = *std::move(target);
  } else {
    item.error = code_of(target.error());
  }
  co_return item;
}

Task<void> move_items(BrokerShard& shard, std::vector<Item*> items) {
  for (Item* item : items) {
    if (item->error != ErrorCode::kNone) continue;
    const std::shared_ptr<Partition>* found = shard.find_partition(item->topic_id, item->index);
    const std::shared_ptr<Partition> partition = found == nullptr ? nullptr : *found;
    const ErrorCode error = partition == nullptr ? shard.why_absent(item->topic_id, item->index)
                                                 : co_await move_replica(shard, partition, item->target);
    // Kept by Kafka for clients of before there was a better name.
    item->error = error == ErrorCode::kNotLeaderOrFollower ? ErrorCode::kReplicaNotAvailable : error;
  }
}

}  // namespace

Task<Outcome> AlterReplicaLogDirsHandler::handle(RequestContext& context, const Request& request,
                                                 AlterReplicaLogDirsResponse& response) {
  context.image = context.shard.image();
  Wishes wishes;
  for (const auto& directory : request.dirs) {
    for (const auto& topic : directory.topics) {
      for (const int32_t index : topic.partitions)
        wishes[{std::string(topic.name), PartitionIndex(index)}] = std::string(directory.path);
    }
  }
  std::vector<Item> items;
  for (const auto& [partition, path] : wishes) items.push_back(co_await make_item(context, partition, path));
  co_await on_owners(context.shard, items, &move_items);
  size_t next = 0;
  std::string_view last;
  for (const auto& [partition, path] : wishes) {
    if (next == 0 || partition.topic != last)
      response.results.emplace_back().topic_name = context.strings.keep(std::string_view(partition.topic));
    last = partition.topic;
    response.results.back().partitions.push_back({partition.index.value(), error_field(items[next++].error)});
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
