#include "broker/handlers/describe_producers.h"

#include <algorithm>

#include "broker/handlers/topic_metadata.h"
#include "broker/server/on_owners.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::DescribeProducersResponse;
using protocol::ErrorCode;
using PartitionResponse = DescribeProducersResponse::PartitionResponse;

struct Item {
  Uuid topic_id;
  PartitionIndex index;
  PartitionResponse out{};
};

void describe(const storage::ProducerState& producers, PartitionResponse& out) {
  for (const auto& [id, entry] : producers.producers()) {
    out.active_producers.push_back({.producer_id = id.value(),
                                    .producer_epoch = entry.epoch.value(),
                                    .last_sequence = entry.last_sequence(),
                                    .last_timestamp = entry.last_timestamp.value(),
                                    .coordinator_epoch = entry.coordinator_epoch,
                                    .current_txn_start_offset = entry.transaction_first_offset.value()});
  }
  std::ranges::sort(out.active_producers, {}, [](const auto& producer) { return producer.producer_id; });
}

Task<void> describe_items(BrokerShard& shard, std::vector<Item*> items) {
  for (Item* item : items) {
    if (item->out.error_code != 0) continue;
    const std::shared_ptr<Partition>* partition = shard.find_partition(item->topic_id, item->index);
    const ErrorCode error = partition == nullptr ? ErrorCode::kNotLeaderOrFollower : (*partition)->check_leader(-1);
    item->out.error_code = error_field(error);
    if (error == ErrorCode::kNone) describe((*partition)->log().producers(), item->out);
  }
  co_return;
}

}  // namespace

Task<Outcome> DescribeProducersHandler::handle(RequestContext& context, const Request& request,
                                               DescribeProducersResponse& response) {
  std::vector<Item> items;
  for (const auto& topic : request.topics) {
    const auto image = context.shard.image()->topic(topic.name);
    for (const int32_t index : topic.partition_indexes) {
      Item& item = items.emplace_back(
          Item{.topic_id = image == nullptr ? kZeroUuid : image->id, .index = PartitionIndex(index)});
      item.out.partition_index = index;
      if (!is_valid_topic_name(topic.name)) {
        item.out.error_code = error_field(ErrorCode::kInvalidTopicException);
        item.out.error_message = error_message(ErrorCode::kInvalidTopicException);
      } else if (image == nullptr) {
        item.out.error_code = error_field(ErrorCode::kUnknownTopicOrPartition);
        item.out.error_message = error_message(ErrorCode::kUnknownTopicOrPartition);
      } else if (image->partition(item.index) == nullptr) {
        item.out.error_code = error_field(ErrorCode::kUnknownTopicOrPartition);
      }
    }
  }
  co_await on_owners(context.shard, items, &describe_items);
  size_t next = 0;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (size_t i = 0; i < topic.partition_indexes.size(); ++i) out.partitions.push_back(std::move(items[next++].out));
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
