// The shell around Accumulator: it sends what is ready, one request to each leader at a time, and feeds the answers
// back.
#include "weir/producer.h"

#include <fmt/format.h>

#include "client/accumulator.h"
#include "client/cluster.h"
#include "client/partitioner.h"
#include "protocol/messages/init_producer_id_request.h"
#include "protocol/messages/init_producer_id_response.h"
#include "protocol/messages/produce_request.h"
#include "protocol/messages/produce_response.h"

namespace weir::client {
namespace {

using protocol::ErrorCode;
using protocol::ProduceRequest;
using protocol::ProduceResponse;

// The last version that names topics; the next has their ids.
constexpr int16_t kProduceLastWithNames = 12;

}  // namespace

class Producer::Impl : public std::enable_shared_from_this<Producer::Impl> {
 public:
  Impl(std::shared_ptr<Cluster> cluster, ProducerOptions options)
      : cluster_(std::move(cluster)),
        options_(options),
        batches_(options_),
        partitioner_(cluster_->random()),
        backoff_(cluster_->retry_backoff()) {}

  void start() { cluster_->loop().spawn(run(shared_from_this())); }
  void stop() {
    stopped_ = true;
    wake_.notify_all();
    room_.notify_all();
  }

  Task<Result<>> send(ProducerRecord record, DeliveryCallback done);
  Task<void> flush();
  [[nodiscard]] size_t pending() const { return batches_.records_pending(); }

 private:
  using Batches = std::vector<Batch*>;

  static Task<void> run(std::shared_ptr<Impl> self);
  Task<bool> ensure_identity();
  void dispatch();
  Batches take_for(NodeId leader, const std::vector<TopicPartition>& places);
  static Task<void> send_batches(std::shared_ptr<Impl> self, NodeId leader, Batches batches);
  ProduceRequest make_request(const Batches& batches, bool* all_ids_known) const;
  Task<Result<>> exchange(NodeId leader, const Batches& batches);
  void take_in(const ProduceResponse& answer, const Batches& batches);
  void judge(Batch* batch, const ProduceResponse::PartitionProduceResponse& answer);
  [[nodiscard]] MonotonicTime not_before(const Batch& batch);
  void again(Batch* batch, Accumulator::Verdict verdict);
  void decided();
  [[nodiscard]] const TopicInfo* known_topic(const std::string& name) const;

  std::shared_ptr<Cluster> cluster_;
  ProducerOptions options_;
  Accumulator batches_;
  Partitioner partitioner_;
  Backoff backoff_;
  std::map<NodeId, int> requests_in_flight_;
  MonotonicTime refresh_not_before_{};
  bool leaders_wanted_ = false;
  int flushing_ = 0;
  bool stopped_ = false;
  WaitList wake_;
  WaitList room_;
  WaitList progressed_;
};

// ------------------------------------------------------------------------------------------------------ the user's
// side

const TopicInfo* Producer::Impl::known_topic(const std::string& name) const {
  const TopicInfo* topic = cluster_->metadata().topic(name);
  return topic != nullptr && topic->error == ErrorCode::kNone && !topic->partitions.empty() ? topic : nullptr;
}

Task<Result<>> Producer::Impl::send(ProducerRecord record, DeliveryCallback done) {
  const size_t size = Accumulator::size_of(record);
  if (size > options_.request_size_max) {
    co_return fail(Errc::kTooLarge, fmt::format("a record for {} has {} bytes; at most {} are taken (request_size_max)",
                                                record.topic, size, options_.request_size_max));
  }
  const MonotonicTime deadline = cluster_->api_deadline();
  while (!batches_.has_room(size) && !stopped_) {
    if (!co_await room_.wait_until(deadline)) {
      co_return fail(Errc::kTimedOut, fmt::format("no room for a record for {}: {} bytes wait for the brokers",
                                                  record.topic, options_.buffer_memory));
    }
  }
  if (stopped_) co_return fail(Errc::kClosed, "the producer is closed");
  if (known_topic(record.topic) == nullptr) CO_TRY(co_await cluster_->topic(record.topic, deadline));
  const TopicInfo* topic = known_topic(record.topic);
  CHECK(topic != nullptr, "the topic was there a moment ago");
  TopicPartition place{record.topic, record.partition ? *record.partition : partitioner_.choose(*topic, record.key)};
  const auto count = static_cast<int32_t>(topic->partitions.size());
  if (place.partition.value() < 0 || place.partition.value() >= count) {
    co_return fail(Errc::kInvalidArgument, fmt::format("topic {} has partitions 0 to {}; there is no {}", record.topic,
                                                       count - 1, place.partition.value()));
  }
  if (!record.timestamp) record.timestamp = cluster_->wall();
  const bool keyless = !record.partition && !record.key;
  const auto appended = batches_.append(place, record, std::move(done), cluster_->now());
  if (keyless && appended.batch_ready) partitioner_.next_keyless(*topic);
  if (appended.new_batch || appended.batch_ready) wake_.notify_all();
  co_return Result<>();
}

Task<void> Producer::Impl::flush() {
  ++flushing_;
  wake_.notify_all();
  while (batches_.records_pending() > 0 && !stopped_) co_await progressed_.wait();
  --flushing_;
}

// --------------------------------------------------------------------------------------------------------- the sending

Task<void> Producer::Impl::run(std::shared_ptr<Impl> self) {
  while (!self->stopped_) {
    Cluster& cluster = *self->cluster_;
    if (self->batches_.expire(cluster.now())) self->decided();
    MonotonicTime until = self->batches_.next_deadline(cluster.now());
    if (self->batches_.records_pending() > 0) {
      if (co_await self->ensure_identity()) {
        self->dispatch();
        until = std::min(until, self->batches_.next_deadline(cluster.now()));
      } else {
        until = std::min(until, cluster.now() + cluster.options().retry_backoff);
      }
    }
    const bool aged = cluster.now() - cluster.metadata().updated() > cluster.options().metadata_age_max;
    if ((self->leaders_wanted_ || (aged && self->batches_.records_pending() > 0)) &&
        cluster.now() >= self->refresh_not_before_) {
      self->leaders_wanted_ = false;
      self->refresh_not_before_ = cluster.now() + self->backoff_.next(cluster.random());
      // A failure shows up again as batches without a leader, until they expire.
      auto refreshed = co_await cluster.refresh(cluster.now() + cluster.options().request_timeout);
      if (!refreshed) self->leaders_wanted_ = true;
      continue;
    }
    if (self->leaders_wanted_) until = std::min(until, self->refresh_not_before_);
    if (!self->stopped_) co_await self->wake_.wait_until(until);
  }
}

// Whether batches may be sent: always without idempotence, otherwise with an identity that the brokers know.
Task<bool> Producer::Impl::ensure_identity() {
  if (!batches_.identity_wanted()) co_return true;
  protocol::InitProducerIdRequest request;
  request.transactional_id.reset();
  request.transaction_timeout_ms = INT32_MAX;
  auto reply = co_await cluster_->call_any(request, cluster_->now() + cluster_->options().request_timeout);
  const ErrorCode error = reply ? protocol::error_code(reply->message.error_code) : ErrorCode::kNone;
  if (!reply || error != ErrorCode::kNone) {
    const bool passing =
        reply ? protocol::error_retry(error) != protocol::Retry::kNever : is_transport_failure(reply.error());
    if (!passing) {
      batches_.fail_waiting(reply ? to_error(error, "producer id") : reply.error());
      decided();
    }
    co_return false;
  }
  batches_.set_identity({ProducerId(reply->message.producer_id), ProducerEpoch(reply->message.producer_epoch)});
  co_return true;
}

void Producer::Impl::dispatch() {
  std::map<NodeId, std::vector<TopicPartition>> by_leader;
  for (TopicPartition& place : batches_.ready(cluster_->now(), flushing_ > 0)) {
    const PartitionInfo* partition = cluster_->metadata().partition(place);
    if (partition == nullptr || cluster_->broker(partition->leader) == nullptr) {
      leaders_wanted_ = true;
    } else {
      by_leader[partition->leader].push_back(std::move(place));
    }
  }
  for (const auto& [leader, places] : by_leader) {
    while (requests_in_flight_[leader] < options_.in_flight_max) {
      Batches batches = take_for(leader, places);
      if (batches.empty()) break;
      ++requests_in_flight_[leader];
      cluster_->loop().spawn(send_batches(shared_from_this(), leader, std::move(batches)));
    }
  }
}

// One request's worth: at most one batch of each partition.
Producer::Impl::Batches Producer::Impl::take_for(NodeId, const std::vector<TopicPartition>& places) {
  Batches taken;
  size_t size = 0;
  for (const TopicPartition& place : places) {
    const size_t next = batches_.next_size(place, cluster_->now(), flushing_ > 0);
    if (next == 0 || (size > 0 && size + next > options_.request_size_max)) continue;
    size += next;
    taken.push_back(batches_.take(place));
  }
  return taken;
}

Task<void> Producer::Impl::send_batches(std::shared_ptr<Impl> self, NodeId leader, Batches batches) {
  auto sent = co_await self->exchange(leader, batches);
  --self->requests_in_flight_[leader];
  if (self->stopped_) co_return;
  if (!sent) {
    const bool hopeless = !is_transport_failure(sent.error());
    for (Batch* batch : batches) {
      hopeless ? self->batches_.failed(batch, sent.error()) : self->again(batch, Accumulator::Verdict::kUncertain);
    }
  }
  self->decided();
}

ProduceRequest Producer::Impl::make_request(const Batches& batches, bool* all_ids_known) const {
  ProduceRequest request;
  request.acks = static_cast<int16_t>(options_.acks);
  request.timeout_ms = static_cast<int32_t>(cluster_->options().request_timeout / milliseconds(1));
  *all_ids_known = true;
  for (const Batch* batch : batches) {
    const std::string& name = batch->place.topic;
    if (request.topic_data.empty() || request.topic_data.back().name != name) {
      const TopicInfo* topic = cluster_->metadata().topic(name);
      const Uuid id = topic == nullptr ? Uuid() : topic->id;
      *all_ids_known = *all_ids_known && !id.is_zero();
      request.topic_data.push_back({.name = name, .topic_id = id});
    }
    request.topic_data.back().partition_data.push_back(
        {.index = batch->place.partition.value(), .records = protocol::Records(batch->bytes.bytes)});
  }
  return request;
}

Task<Result<>> Producer::Impl::exchange(NodeId leader, const Batches& batches) {
  auto connection = cluster_->broker(leader);
  if (!connection) co_return fail(Errc::kClosed, fmt::format("broker {} is gone", leader.value()));
  bool all_ids_known = false;
  const ProduceRequest request = make_request(batches, &all_ids_known);
  const int16_t version_max = all_ids_known ? ProduceRequest::kMaxStableVersion : kProduceLastWithNames;
  const MonotonicTime deadline = cluster_->now() + cluster_->options().request_timeout;
  if (options_.acks == 0) {
    CO_TRY(co_await connection->tell(request, deadline, version_max));
    for (Batch* batch : batches) batches_.succeeded(batch, kNoOffset, kNoTimestamp);
    co_return Result<>();
  }
  CO_TRY_ASSIGN(auto reply, co_await connection->call(request, deadline, ProduceRequest::kMinVersion, version_max));
  if (!stopped_) take_in(reply.message, batches);
  co_return Result<>();
}

void Producer::Impl::take_in(const ProduceResponse& answer, const Batches& batches) {
  std::map<std::pair<std::string_view, int32_t>, const ProduceResponse::PartitionProduceResponse*> found;
  for (const auto& topic : answer.responses) {
    const std::string_view name = topic.name.empty() ? cluster_->metadata().topic_name(topic.topic_id) : topic.name;
    for (const auto& partition : topic.partition_responses) found[{name, partition.index}] = &partition;
  }
  for (const auto& node : answer.node_endpoints) {
    cluster_->metadata().add_broker(
        {NodeId(node.node_id), {std::string(node.host), static_cast<uint16_t>(node.port)}, {}});
  }
  for (Batch* batch : batches) {
    const auto at = found.find({batch->place.topic, batch->place.partition.value()});
    if (at == found.end()) {
      again(batch, Accumulator::Verdict::kUncertain);
    } else {
      judge(batch, *at->second);
    }
  }
}

void Producer::Impl::judge(Batch* batch, const ProduceResponse::PartitionProduceResponse& answer) {
  const ErrorCode error = protocol::error_code(answer.error_code);
  const Accumulator::Verdict verdict = batches_.judge(*batch, error);
  const auto detail =
      answer.record_errors.empty() ? answer.error_message : answer.record_errors.front().batch_index_error_message;
  auto told = [&] { return to_error(error, batch->place.to_string(), detail ? detail : answer.error_message); };
  switch (verdict) {
    case Accumulator::Verdict::kStored:
      backoff_.reset();
      batches_.succeeded(batch, Offset(answer.base_offset), Timestamp(answer.log_append_time_ms));
      break;
    case Accumulator::Verdict::kUncertain:
    case Accumulator::Verdict::kRefused:
      if (protocol::error_retry(error) == protocol::Retry::kRefresh) {
        cluster_->metadata().set_leader(batch->place, NodeId(answer.current_leader.leader_id),
                                        LeaderEpoch(answer.current_leader.leader_epoch));
      }
      again(batch, verdict);
      break;
    case Accumulator::Verdict::kLostTrack:
      batches_.lost_track(batch, told(), not_before(*batch));
      break;
    case Accumulator::Verdict::kGivenUp:
      batches_.failed(batch, told());
      break;
  }
}

// When a batch may be sent again after its last attempt.
MonotonicTime Producer::Impl::not_before(const Batch& batch) {
  Backoff backoff = cluster_->retry_backoff();
  Duration wait{};
  for (int i = 0; i < std::min(batch.attempts, 8); ++i) wait = backoff.next(cluster_->random());
  return cluster_->now() + wait;
}

void Producer::Impl::again(Batch* batch, Accumulator::Verdict verdict) {
  batches_.send_again(batch, verdict, not_before(*batch));
  leaders_wanted_ = true;
}

void Producer::Impl::decided() {
  room_.notify_all();
  progressed_.notify_all();
  wake_.notify_all();
}

// ---------------------------------------------------------------------------------------------------------- the facade

Producer::Producer(const Client& client, ProducerOptions options) {
  if (options.acks != -1) options.idempotent = false;
  impl_ = std::make_shared<Impl>(client.cluster(), options);
  impl_->start();
}

Producer::~Producer() { impl_->stop(); }

Task<Result<>> Producer::send(ProducerRecord record, DeliveryCallback done) {
  return impl_->send(std::move(record), std::move(done));
}

Task<Result<Delivery>> Producer::send_and_wait(ProducerRecord record) {
  struct Fate {
    std::optional<Result<Delivery>> result;
    WaitList known;
  };
  auto fate = std::make_shared<Fate>();
  CO_TRY(co_await impl_->send(std::move(record), [fate](const Result<Delivery>& result) {
    fate->result = result;
    fate->known.notify_all();
  }));
  while (!fate->result) co_await fate->known.wait();
  co_return *std::move(fate->result);
}

Task<void> Producer::flush() { return impl_->flush(); }
size_t Producer::pending() const { return impl_->pending(); }

}  // namespace weir::client
