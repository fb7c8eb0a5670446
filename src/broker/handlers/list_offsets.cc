#include "broker/handlers/list_offsets.h"

#include <set>

#include "broker/partition/cold_reads.h"
#include "broker/server/on_owners.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::ListOffsetsResponse;

// Timestamps that stand for a place in the log.
constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;
constexpr int64_t kEarliestLocal = -4;
constexpr int64_t kLatestTiered = -5;
constexpr int64_t kEarliestPendingUpload = -6;

// Older answers have no leader epoch.
constexpr int16_t kFirstVersionWithEpoch = 4;

struct Item {
  Uuid topic_id;
  PartitionIndex index;
  int32_t current_leader_epoch;
  int64_t timestamp;
  ListOffsetsResponse::ListOffsetsPartitionResponse out{};
};

// Who asks. Only clients are kept from what is not committed; a debugging client is not, and may ask any replica.
struct Asker {
  bool is_client;
  bool needs_leader;
  bool reads_committed;
  ErrorCode not_available;  // for what a new leader cannot say yet
};

Asker asker_of(const protocol::ListOffsetsRequest& request, int16_t version) {
  constexpr int32_t kClient = -1;
  constexpr int32_t kDebugger = -2;
  return {.is_client = request.replica_id == kClient,
          .needs_leader = request.replica_id != kDebugger,
          .reads_committed = request.isolation_level == 1,
          .not_available = version >= 5 ? ErrorCode::kOffsetNotAvailable : ErrorCode::kLeaderNotAvailable};
}

void set_found(Item& item, const std::optional<storage::FoundTimestamp>& found, Offset end) {
  if (!found || found->offset >= end) return;
  item.out.offset = found->offset.value();
  item.out.timestamp = found->timestamp.value();
  item.out.leader_epoch = found->leader_epoch.value();
}

// Where a record of a timestamp is found in the log, not in what the partition knows.
Task<Result<std::optional<storage::FoundTimestamp>>> search(BrokerShard& shard, std::shared_ptr<Partition> partition,
                                                            int64_t timestamp) {
  return shard.cold_reads().look_up(std::move(partition), [timestamp](storage::Log& log) {
    return timestamp == kMaxTimestamp ? log.max_timestamp_offset() : log.offset_for_timestamp(Timestamp(timestamp));
  });
}

// Only committed records count for clients: what lies above the end may yet vanish.
Offset end_for(const Partition& partition, const Asker& asker) {
  if (!asker.is_client) return partition.log().log_end_offset();
  return asker.reads_committed ? partition.last_stable_offset() : partition.high_watermark();
}

// `is_behind`: what is found there is not the last word yet.
Task<Result<>> look_up(BrokerShard& shard, Item& item, std::shared_ptr<Partition> partition, Asker asker) {
  const auto end = [&] { return end_for(*partition, asker); };
  const auto is_behind = [&] { return asker.is_client && partition->is_high_watermark_behind(); };
  switch (item.timestamp) {
    case kLatest:
      if (is_behind()) {
        item.out.error_code = error_field(asker.not_available);
        co_return Result<>();
      }
      item.out.offset = end().value();
      item.out.leader_epoch = partition->leader_epoch().value();
      co_return Result<>();
    case kEarliest:
    case kEarliestLocal:
      item.out.offset = partition->log().log_start_offset().value();
      item.out.leader_epoch = partition->log().epochs().epoch_of(partition->log().log_start_offset()).value();
      co_return Result<>();
    case kLatestTiered:
    case kEarliestPendingUpload:
      co_return Result<>();  // nothing is ever tiered here: -1
    default: {
      CO_TRY_ASSIGN(const auto found, co_await search(shard, partition, item.timestamp));
      set_found(item, found, end());
      if (item.out.offset == kNoOffset.value() && is_behind()) {
        item.out.error_code = error_field(asker.not_available);
      }
      co_return Result<>();
    }
  }
}

ErrorCode code_of(const Error& error) {
  switch (error.code) {
    case Errc::kTimedOut:
      return ErrorCode::kRequestTimedOut;
    case Errc::kUnavailable:
      return ErrorCode::kNotLeaderOrFollower;
    default:
      return ErrorCode::kKafkaStorageError;
  }
}

Task<void> look_up_items(BrokerShard& shard, std::vector<Item*> items, Asker asker) {
  for (Item* item : items) {
    if (item->out.error_code != 0) continue;
    const std::shared_ptr<Partition>* found = shard.find_partition(item->topic_id, item->index);
    const ErrorCode error = found == nullptr     ? shard.why_absent(item->topic_id, item->index)
                            : asker.needs_leader ? (*found)->check_leader(item->current_leader_epoch)
                                                 : (*found)->check_replica(item->current_leader_epoch);
    item->out.error_code = error_field(error);
    if (error != ErrorCode::kNone) continue;
    const std::shared_ptr<Partition> partition = *found;
    const Result<> looked_up = co_await look_up(shard, *item, partition, asker);
    if (!looked_up) item->out.error_code = error_field(code_of(looked_up.error()));
  }
}

// The lowest request version that may ask for a special timestamp.
int16_t first_version_of(int64_t timestamp) {
  switch (timestamp) {
    case kMaxTimestamp:
      return 7;
    case kEarliestLocal:
      return 8;
    case kLatestTiered:
      return 9;
    case kEarliestPendingUpload:
      return 11;
    default:
      return 0;
  }
}

}  // namespace

Task<Outcome> ListOffsetsHandler::handle(RequestContext& context, const Request& request,
                                         ListOffsetsResponse& response) {
  std::vector<Item> items;
  for (const auto& topic : request.topics) {
    const auto image = context.shard.image()->topic(topic.name);
    std::set<int32_t> seen;
    for (const auto& partition : topic.partitions) {
      Item& item = items.emplace_back(Item{.topic_id = image == nullptr ? kZeroUuid : image->id,
                                           .index = PartitionIndex(partition.partition_index),
                                           .current_leader_epoch = partition.current_leader_epoch,
                                           .timestamp = partition.timestamp});
      item.out.partition_index = partition.partition_index;
      ErrorCode error = ErrorCode::kNone;
      if (image == nullptr || image->partition(item.index) == nullptr) error = ErrorCode::kUnknownTopicOrPartition;
      if (!seen.insert(partition.partition_index).second) error = ErrorCode::kInvalidRequest;
      if (context.version() < first_version_of(partition.timestamp) || partition.timestamp < kEarliestPendingUpload) {
        error = ErrorCode::kUnsupportedVersion;
      }
      item.out.error_code = error_field(error);
    }
  }
  co_await on_owners(context.shard, items,
                     [asker = asker_of(request, context.version())](BrokerShard& shard, std::vector<Item*> part) {
                       return look_up_items(shard, std::move(part), asker);
                     });
  size_t next = 0;
  for (const auto& topic : request.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      ListOffsetsResponse::ListOffsetsPartitionResponse& partition = out.partitions.emplace_back(items[next++].out);
      if (context.version() < kFirstVersionWithEpoch) partition.leader_epoch = kNoLeaderEpoch.value();
    }
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
