#include "broker/handlers/produce.h"

#include "broker/handlers/leader_hint.h"
#include "broker/quota_service.h"
#include "broker/server/on_owners.h"
#include "broker/shard.h"
#include "protocol/error_code.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::ProduceRequest;
using protocol::ProduceResponse;

// Versions before this one do not know zstd.
constexpr int16_t kFirstZstdVersion = 7;

struct Item {
  Uuid topic_id;
  PartitionIndex index;
  MutableBytes batch;
  ProduceResult result{};
};

// How all items of a request are to be appended.
struct Terms {
  int16_t acks;
  bool zstd_allowed;
  MonotonicTime deadline;
};

// One item for each partition of the request, in its order; those that are refused at once have their error already.
std::vector<Item> make_items(RequestContext& context, const ProduceRequest& request) {
  std::vector<Item> items;
  const bool by_id = context.version() >= 13;
  for (const auto& topic : request.topic_data) {
    const auto image = by_id ? context.shard.image()->topic(topic.topic_id) : context.shard.image()->topic(topic.name);
    for (const auto& partition : topic.partition_data) {
      Item& item = items.emplace_back(
          Item{.topic_id = image == nullptr ? topic.topic_id : image->id,
               .index = PartitionIndex(partition.index),
               .batch = context.writable(partition.records ? partition.records->bytes() : ByteView{})});
      if (request.acks < -1 || request.acks > 1) {
        item.result.error = ErrorCode::kInvalidRequiredAcks;
      } else if (image == nullptr) {
        item.result.error = by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
      } else if (image->partition(item.index) == nullptr) {
        item.result.error = ErrorCode::kUnknownTopicOrPartition;
      }
    }
  }
  return items;
}

Task<void> append_items(BrokerShard& shard, std::vector<Item*> items, Terms terms) {
  for (Item* item : items) {
    if (item->result.error != ErrorCode::kNone) continue;
    const std::shared_ptr<Partition>* partition = shard.find_partition(item->topic_id, item->index);
    if (partition == nullptr) {
      item->result.error = shard.why_absent(item->topic_id, item->index);
      continue;
    }
    item->result = (*partition)->append(item->batch, terms.acks, terms.zstd_allowed);
    if (item->result.error == ErrorCode::kNone) {
      shard.metrics().bytes_in += item->batch.size();
      ++shard.metrics().batches_in;
    } else {
      ++shard.metrics().produce_errors;
    }
  }
  if (terms.acks != -1) co_return;
  for (Item* item : items) {
    if (item->result.error != ErrorCode::kNone) continue;
    const std::shared_ptr<Partition>* found = shard.find_partition(item->topic_id, item->index);
    const std::shared_ptr<Partition> partition = found == nullptr ? nullptr : *found;
    if (partition == nullptr || !co_await partition->wait_committed(item->result.last_offset, terms.deadline)) {
      const ErrorCode error =
          partition == nullptr ? shard.why_absent(item->topic_id, item->index) : partition->check_leader(-1);
      item->result = {.error = error == ErrorCode::kNone ? ErrorCode::kRequestTimedOut : error};
    } else if (!partition->has_enough_replicas()) {
      item->result = {.error = ErrorCode::kNotEnoughReplicasAfterAppend};
    }
  }
}

void fill(RequestContext& context, Item& item, ProduceResponse::PartitionProduceResponse& out) {
  ProduceResult& result = item.result;
  out.index = item.index.value();
  out.error_code = error_field(result.error);
  out.base_offset = result.base_offset.value();
  out.log_append_time_ms = result.log_append_time.value();
  out.log_start_offset = result.log_start_offset.value();
  if (!result.message.empty() && context.version() >= 8)
    out.error_message = context.strings.keep(std::string_view(result.message));
  if (context.version() >= 8) {
    for (storage::RecordError& error : result.record_errors) {
      out.record_errors.push_back({error.batch_index, context.strings.keep(std::string_view(error.message))});
    }
  }
}

}  // namespace

Task<Outcome> ProduceHandler::handle(RequestContext& context, const Request& request, ProduceResponse& response) {
  std::vector<Item> items = make_items(context, request);
  const Terms terms{.acks = request.acks,
                    .zstd_allowed = context.version() >= kFirstZstdVersion,
                    .deadline = context.shard.loop().now() + milliseconds(request.timeout_ms)};
  co_await on_owners(context.shard, items, [terms](BrokerShard& shard, std::vector<Item*> part) {
    return append_items(shard, std::move(part), terms);
  });
  bool failed = false;
  size_t next = 0;
  LeaderHints hints(context);
  for (const auto& topic : request.topic_data) {
    auto& out = response.responses.emplace_back();
    out.name = topic.name;
    out.topic_id = topic.topic_id;
    for (size_t i = 0; i < topic.partition_data.size(); ++i, ++next) {
      failed |= items[next].result.error != ErrorCode::kNone;
      auto& partition = out.partition_responses.emplace_back();
      fill(context, items[next], partition);
      if (context.version() >= 10)
        hints.add(items[next].topic_id, items[next].index, items[next].result.error, partition.current_leader);
    }
  }
  if (context.version() >= 10) hints.add_endpoints(response.node_endpoints);
  if (context.is_limited) {
    co_await context.shard.quotas().charge(context, QuotaKind::kProduce, static_cast<double>(context.frame.size()));
    // As in Kafka, the time of what is not answered is not limited.
    if (request.acks == 0) context.time_is_charged = true;
  }
  if (request.acks == 0) co_return failed ? Outcome::kClose : Outcome::kNoReply;
  co_return Outcome::kReply;
}

}  // namespace weir::broker
