#include "broker/handlers/fetch.h"

#include <algorithm>

#include "broker/config/broker_config.h"
#include "broker/fetch/fetch_reader.h"
#include "broker/handlers/leader_hint.h"
#include "broker/quota_service.h"
#include "broker/replication_throttle.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::FetchRequest;
using protocol::FetchResponse;

constexpr int16_t kFirstTopicIdVersion = 13;
// Consumers of this version and later may read from followers, and say in which rack they are.
constexpr int16_t kFirstVersionWithRack = 11;

// What the shard of the session hands back to the shard of the connection. The session is in use, and so left alone by
// its shard, until the answer is made.
struct Fetched {
  ErrorCode error = ErrorCode::kNone;
  std::shared_ptr<FetchSession> session;
  bool incremental = false;
  std::list<FetchItem> sessionless;  // where the items live without a session
  std::vector<FetchRead> reads;
};

BrokerShard& shard_of_session(BrokerShard& home, int32_t session_id) {
  const auto& shards = home.node().shards;
  return *shards[FetchSessionCache::owner(session_id, static_cast<uint32_t>(shards.size()))];
}

// The replica that fetches, if it is one and no consumer.
std::optional<IsrMember> replica_of(const FetchRequest& request, int16_t version) {
  const NodeId id(version >= 15 ? request.replica_state.replica_id : request.replica_id);
  if (id < NodeId(0)) return std::nullopt;
  return IsrMember{id, BrokerEpoch(version >= 15 ? request.replica_state.replica_epoch : -1)};
}

// What a handler lends to the shard of the session while it waits for it.
struct Asked {
  const FetchRequest& request;
  int16_t version;
  std::string_view listener;
  size_t max_bytes;  // of all records, whatever the client asks for
};

ConsumerTerms consumer_terms(const Asked& asked, const BrokerConfig& config) {
  ConsumerTerms terms{
      .isolation = asked.request.isolation_level == 1 ? Isolation::kReadCommitted : Isolation::kReadUncommitted,
      .reads_any_replica = asked.version >= kFirstVersionWithRack,
      .listener = asked.listener};
  if (terms.reads_any_replica && config.selects_replica_by_rack()) terms.rack = asked.request.rack_id;
  return terms;
}

FetchTerms terms_of(const Asked& asked, const BrokerConfig& config, MonotonicTime now) {
  const FetchRequest& request = asked.request;
  const size_t max_bytes = asked.max_bytes;
  // No more can be waited for than is sent.
  return {.consumer = consumer_terms(asked, config),
          .max_bytes = std::min(static_cast<size_t>(std::max(request.max_bytes, 0)), max_bytes),
          .min_bytes = std::min(static_cast<size_t>(std::max(request.min_bytes, 0)), max_bytes),
          .deadline = now + milliseconds(std::max(request.max_wait_ms, 0)),
          .replica = replica_of(request, asked.version)};
}

void resolve(const quorum::MetadataImage& image, bool by_id, std::list<FetchItem>& items,
             std::vector<FetchRead>& reads) {
  std::shared_ptr<const quorum::TopicImage> topic;
  for (FetchItem& item : items) {
    // Neighbours are mostly of one topic.
    if (topic == nullptr || (by_id ? topic->id != item.topic_id : topic->name != item.topic)) {
      topic = by_id ? image.topic(item.topic_id) : image.topic(item.topic);
    }
    FetchRead& read = reads.emplace_back(FetchRead{.item = &item,
                                                   .topic_id = topic == nullptr ? item.topic_id : topic->id,
                                                   .index = PartitionIndex(item.partition)});
    if (topic == nullptr) {
      read.read.error = by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
    } else if (topic->partition(read.index) == nullptr) {
      read.read.error = ErrorCode::kUnknownTopicOrPartition;
    }
  }
}

// Runs on the shard that owns the session.
Task<Fetched> fetch(BrokerShard& shard, Asked asked) {
  Fetched fetched;
  const FetchRequest& request = asked.request;
  const bool by_id = asked.version >= kFirstTopicIdVersion;
  const bool of_replica = replica_of(request, asked.version).has_value();
  auto resolution =
      shard.fetch_sessions().resolve(request, {by_id, of_replica}, shard.loop().now(), shard.node().seams.random);
  fetched.error = resolution.error;
  fetched.session = resolution.session;
  fetched.incremental = resolution.incremental;
  if (fetched.error != ErrorCode::kNone) co_return fetched;
  if (fetched.session != nullptr) {
    fetched.session->in_use = true;
  } else {
    for (const auto& topic : request.topics) {
      for (const auto& partition : topic.partitions) fetched.sessionless.push_back(make_item(topic, partition));
    }
  }
  resolve(*shard.image(), by_id, fetched.session != nullptr ? fetched.session->items() : fetched.sessionless,
          fetched.reads);
  FetchReader reader(shard, fetched.reads, terms_of(asked, shard.node().config, shard.loop().now()));
  co_await reader.run();
  co_return fetched;
}

// Counts what is sent.
void count(RequestContext& context, const PartitionRead& read, bool to_replica) {
  const uint64_t bytes = read.records ? read.records->length : 0;
  ShardMetrics& metrics = context.shard.metrics();
  (to_replica ? metrics.replication_bytes_out : metrics.bytes_out) += bytes;
  if (read.throttled_for > Duration::zero()) ++metrics.replication_throttled_as_leader;
  if (read.counts_towards_throttle && bytes > 0) {
    context.shard.node().throttles->leader.record(bytes, context.shard.loop().now());
  }
}

FetchResponse::PartitionData partition_data(RequestContext& context, FetchRead& one, bool read_committed) {
  PartitionRead& read = one.read;
  FetchResponse::PartitionData data{.partition_index = one.index.value(), .error_code = error_field(read.error)};
  data.high_watermark = read.high_watermark.value();
  data.last_stable_offset = read.last_stable_offset.value();
  data.log_start_offset = read.log_start_offset.value();
  data.preferred_read_replica = read.preferred_replica.value();
  if (read.diverging_epoch)
    data.diverging_epoch = {read.diverging_epoch->epoch.value(), read.diverging_epoch->end.value()};
  if (!read_committed) {
    // Of what it does not know at all Kafka sends an empty list, of all else none.
    const bool is_unknown =
        read.error == ErrorCode::kUnknownTopicOrPartition || read.error == ErrorCode::kUnknownTopicId;
    if (!is_unknown) data.aborted_transactions.reset();
  } else {
    for (const auto& aborted : read.aborted) {
      data.aborted_transactions->push_back({aborted.producer_id.value(), aborted.first_offset.value()});
    }
  }
  data.records = protocol::Records(ByteView{});
  if (read.records) {
    data.records = protocol::Records::external(static_cast<uint32_t>(context.externals.size()), read.records->length);
    context.externals.push_back(*std::move(read.records));
  }
  return data;
}

void fill(RequestContext& context, const FetchRequest& request, Fetched& fetched, FetchResponse& response) {
  LeaderHints hints(context);
  std::vector<const FetchItem*> served;
  const bool to_replica = replica_of(request, context.version()).has_value();
  for (FetchRead& one : fetched.reads) {
    if (one.read.error != ErrorCode::kNone) ++context.shard.metrics().fetch_errors;
    count(context, one.read, to_replica);
    auto data = partition_data(context, one, request.isolation_level == 1);
    if (context.version() >= 16) hints.add(one.topic_id, one.index, one.read.error, data.current_leader);
    if (fetched.session != nullptr && !FetchSession::must_send(*one.item, data) && fetched.incremental) continue;
    if (data.records->size() > 0) served.push_back(one.item);
    if (response.responses.empty() || response.responses.back().topic_id != one.item->topic_id ||
        response.responses.back().topic != one.item->topic) {
      response.responses.push_back(
          {.topic = context.strings.keep(std::string_view(one.item->topic)), .topic_id = one.item->topic_id});
    }
    response.responses.back().partitions.push_back(std::move(data));
  }
  if (context.version() >= 16) hints.add_endpoints(response.node_endpoints);
  if (fetched.session == nullptr) return;
  response.session_id = fetched.session->id();
  for (const FetchItem* item : served) fetched.session->move_to_end(*item);
}

// Charges the client for what was read. When it is to be throttled nothing is sent, and it asks again later.
Task<void> charge(RequestContext& context, const Fetched& fetched) {
  QuotaService& quotas = context.shard.quotas();
  co_await quotas.charge_time(context);
  if (context.throttle > context.throttle.zero()) co_return;
  uint64_t bytes = 0;
  for (const FetchRead& one : fetched.reads) bytes += one.read.records ? one.read.records->length : 0;
  co_await quotas.charge(context, QuotaKind::kFetch, static_cast<double>(bytes), OverLimit::kIsTakenBack);
}

}  // namespace

Task<Outcome> FetchHandler::handle(RequestContext& context, const Request& request, FetchResponse& response) {
  BrokerShard& shard = context.shard;
  BrokerShard* owner = request.session_id > 0 ? &shard_of_session(shard, request.session_id) : &shard;
  size_t max_bytes = shard.node().fetch_max_bytes;
  // Clients' limits are none of the replicas'.
  const bool is_limited = context.is_limited && !replica_of(request, context.version());
  if (is_limited) max_bytes = std::min(max_bytes, shard.quotas().fetch_size_max(context));
  const Asked asked{request, context.version(), context.connection.listener_name, max_bytes};
  Fetched fetched;
  if (owner == &shard) {
    fetched = co_await fetch(shard, asked);
  } else {
    fetched = co_await call_on(owner->loop(), [owner, asked] { return fetch(*owner, asked); });
  }
  response.error_code = error_field(fetched.error);
  if (is_limited && fetched.error == ErrorCode::kNone) co_await charge(context, fetched);
  const bool is_throttled = context.throttle > context.throttle.zero();
  if (fetched.error == ErrorCode::kNone && !is_throttled) fill(context, request, fetched, response);
  if (fetched.session == nullptr) co_return Outcome::kReply;
  // A client that is throttled at its first fetch learns of no session, and opens another one later.
  const bool is_dropped = is_throttled && !fetched.incremental;
  if (is_throttled && !is_dropped) response.session_id = fetched.session->id();
  BrokerShard& home = shard_of_session(shard, fetched.session->id());
  home.loop().post([&home, session = fetched.session, is_dropped] {
    session->in_use = false;
    if (is_dropped) home.fetch_sessions().remove(session->id());
  });
  co_return Outcome::kReply;
}

}  // namespace weir::broker
