#include "broker/handlers/offset_for_leader_epoch.h"

#include "broker/server/on_owners.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::OffsetForLeaderEpochResponse;

struct Item {
  Uuid topic_id;
  PartitionIndex index;
  int32_t current_leader_epoch;
  LeaderEpoch asked;
  OffsetForLeaderEpochResponse::EpochEndOffset out{};
};

Task<void> look_up_items(BrokerShard& shard, std::vector<Item*> items) {
  for (Item* item : items) {
    if (item->out.error_code != 0) continue;
    const std::shared_ptr<Partition>* partition = shard.find_partition(item->topic_id, item->index);
    const ErrorCode error = partition == nullptr ? shard.why_absent(item->topic_id, item->index)
                                                 : (*partition)->check_leader(item->current_leader_epoch);
    item->out.error_code = error_field(error);
    if (error != ErrorCode::kNone) continue;
    const storage::EpochEnd end = (*partition)->log().epoch_end_offset(item->asked);
    item->out.leader_epoch = end.epoch.value();
    item->out.end_offset = end.end.value();
  }
  co_return;
}

}  // namespace

Task<Outcome> OffsetForLeaderEpochHandler::handle(RequestContext& context, const Request& request,
                                                  OffsetForLeaderEpochResponse& response) {
  std::vector<Item> items;
  for (const auto& topic : request.topics) {
    const auto image = context.shard.image()->topic(topic.topic);
    for (const auto& partition : topic.partitions) {
      Item& item = items.emplace_back(Item{.topic_id = image == nullptr ? kZeroUuid : image->id,
                                           .index = PartitionIndex(partition.partition),
                                           .current_leader_epoch = partition.current_leader_epoch,
                                           .asked = LeaderEpoch(partition.leader_epoch)});
      item.out.partition = partition.partition;
      if (image == nullptr || image->partition(item.index) == nullptr) {
        item.out.error_code = error_field(ErrorCode::kUnknownTopicOrPartition);
      }
    }
  }
  co_await on_owners(context.shard, items, &look_up_items);
  size_t next = 0;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.topic = topic.topic;
    for (size_t i = 0; i < topic.partitions.size(); ++i) out.partitions.push_back(items[next++].out);
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
