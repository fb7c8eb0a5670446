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
  int64_t before;
  DeleteRecordsResponse::DeleteRecordsPartitionResult out{.low_watermark = -1};
};

Task<void> delete_items(BrokerShard& shard, std::vector<Item*> items) {
  for (Item* item : items) {
    if (item->out.error_code != 0) continue;
    const std::shared_ptr<Partition>* partition = shard.find_partition(item->topic_id, item->index);
    const ErrorCode error =
        partition == nullptr ? shard.why_absent(item->topic_id, item->index) : (*partition)->check_leader(-1);
    item->out.error_code = error_field(error);
    if (error != ErrorCode::kNone) continue;
    if (const Result<Offset> low = (*partition)->delete_records(item->before)) {
      item->out.low_watermark = low->value();
    } else {
      const Errc code = low.error().code;
      item->out.error_code = error_field(code == Errc::kOutOfRange        ? ErrorCode::kOffsetOutOfRange
                                         : code == Errc::kInvalidArgument ? ErrorCode::kPolicyViolation
                                                                          : ErrorCode::kKafkaStorageError);
    }
  }
  co_return;
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
  co_await on_owners(context.shard, items, &delete_items);
  size_t next = 0;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (size_t i = 0; i < topic.partitions.size(); ++i) out.partitions.push_back(items[next++].out);
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
