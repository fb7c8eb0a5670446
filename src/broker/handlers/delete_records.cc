#include "broker/handlers/delete_records.h"

#include "broker/handlers/topic_metadata.h"
#include "broker/server/on_owners.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::DeleteRecordsResponse;
using protocol::ErrorCode;

struct Item {
  Uuid topic_id;
  PartitionIndex index;
  int64_t before;  // -1 until the records are deleted: all that are committed
  DeleteRecordsResponse::DeleteRecordsPartitionResult out{.low_watermark = -1};
};

// Until no replica has them any more: a consumer that finds another one leading must not see them again.
Task<void> wait_for_replicas(BrokerShard& shard, const std::vector<Item*>& items, MonotonicTime deadline) {
  for (Item* item : items) {
    if (item->out.error_code != 0) continue;
    const std::shared_ptr<Partition>* found = shard.find_partition(item->topic_id, item->index);
    const std::shared_ptr<Partition> partition = found == nullptr ? nullptr : *found;
    const Offset wanted(item->before);
    const auto low = partition == nullptr ? std::nullopt : co_await partition->wait_deleted(wanted, deadline);
    if (!low) {
      item->out = {.partition_index = item->out.partition_index,
                   .low_watermark = -1,
                   .error_code = error_field(ErrorCode::kNotLeaderOrFollower)};
      continue;
    }
    item->out.low_watermark = low->value();
    if (*low < wanted) item->out.error_code = error_field(ErrorCode::kRequestTimedOut);
  }
}

Task<void> delete_items(BrokerShard& shard, std::vector<Item*> items, milliseconds patience) {
  const MonotonicTime deadline = shard.loop().now() + patience;
  for (Item* item : items) {
    if (item->out.error_code != 0) continue;
    const std::shared_ptr<Partition>* partition = shard.find_partition(item->topic_id, item->index);
    const ErrorCode error =
        partition == nullptr ? shard.why_absent(item->topic_id, item->index) : (*partition)->check_leader(-1);
    item->out.error_code = error_field(error);
    if (error != ErrorCode::kNone) continue;
    if (const Result<Offset> before = (*partition)->delete_records(item->before)) {
      item->before = before->value();
    } else {
      const Errc code = before.error().code;
      item->out.error_code = error_field(code == Errc::kOutOfRange        ? ErrorCode::kOffsetOutOfRange
                                         : code == Errc::kInvalidArgument ? ErrorCode::kPolicyViolation
                                                                          : ErrorCode::kKafkaStorageError);
    }
  }
  co_await wait_for_replicas(shard, items, deadline);
}

}  // namespace

Task<Outcome> DeleteRecordsHandler::handle(RequestContext& context, const Request& request,
                                           DeleteRecordsResponse& response) {
  std::vector<Item> items;
  for (const auto& topic : request.topics) {
    const auto image = context.shard.image()->topic(topic.name);
    for (const auto& partition : topic.partitions) {
      Item& item = items.emplace_back(Item{.topic_id = image == nullptr ? kZeroUuid : image->id,
                                           .index = PartitionIndex(partition.partition_index),
                                           .before = partition.offset});
      item.out.partition_index = partition.partition_index;
      if (image == nullptr || image->partition(item.index) == nullptr) {
        item.out.error_code = error_field(ErrorCode::kUnknownTopicOrPartition);
      } else if (is_internal_topic(topic.name)) {
        item.out.error_code = error_field(ErrorCode::kInvalidTopicException);
      }
    }
  }
  const milliseconds patience(std::max(request.timeout_ms, 0));
  co_await on_owners(context.shard, items, [patience](BrokerShard& shard, std::vector<Item*> part) {
    return delete_items(shard, std::move(part), patience);
  });
  size_t next = 0;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (size_t i = 0; i < topic.partitions.size(); ++i) out.partitions.push_back(items[next++].out);
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
