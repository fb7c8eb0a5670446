#include "client/accumulator.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/crc32c.h"

namespace weir::client {

using protocol::ErrorCode;

// The batches of one partition.
class PartitionBatches {
 public:
  // Oldest first. Only the last may be unsealed; those to be sent again come first.
  std::deque<std::unique_ptr<Batch>> waiting;
  std::vector<std::unique_ptr<Batch>> in_flight;  // in the order of sending, at most ProducerOptions::in_flight_max
  ProducerIdentity identity;
  int32_t next_sequence = 0;
  // Only what is in doubt is sent, until nothing is; then a new epoch begins.
  bool ending_epoch = false;

  // The batch whose turn it is, or the end.
  auto turn() {
    return ending_epoch ? std::ranges::find_if(waiting, [](const auto& batch) { return batch->in_doubt; })
                        : waiting.begin();
  }

  // The batch that may be sent now, or null. `*when` gets the time when one that only has to wait may be.
  Batch* sendable(const ProducerOptions& options, MonotonicTime now, bool flushing, MonotonicTime* when) {
    const auto at = turn();
    if (at == waiting.end()) return nullptr;
    Batch* next = at->get();
    const auto limit = static_cast<size_t>(options.idempotent ? std::min(options.in_flight_max, 5) : 1);
    const bool is_repeat = next->attempts > 0;
    const bool repeat_on_the_way = std::ranges::any_of(in_flight, [](const auto& b) { return b->attempts > 1; });
    if (in_flight.size() >= (is_repeat ? 1 : limit) || repeat_on_the_way) return nullptr;
    const bool full = next->sealed || waiting.size() > 1;
    MonotonicTime from = is_repeat ? next->not_before : full || flushing ? now : next->created + options.linger;
    if (from <= now) return next;
    if (when != nullptr) *when = std::min(*when, from);
    return nullptr;
  }

  // Whether no older batch was sent and is undecided.
  [[nodiscard]] bool is_oldest(const Batch& batch) const {
    auto is_older = [&](const auto& other) { return other->attempts > 0 && other->order < batch.order; };
    return std::ranges::none_of(in_flight, is_older) && std::ranges::none_of(waiting, is_older);
  }

  void put_back(std::unique_ptr<Batch> batch) {
    // Those that failed together come back in the order of their answers.
    const auto at = std::ranges::find_if(waiting, [&](const auto& other) { return other->order > batch->order; });
    waiting.insert(at, std::move(batch));
  }

  std::unique_ptr<Batch> remove_in_flight(Batch* batch) {
    const auto at = std::ranges::find(in_flight, batch, [](const auto& b) { return b.get(); });
    CHECK(at != in_flight.end(), "the batch is not in flight");
    std::unique_ptr<Batch> owned = std::move(*at);
    in_flight.erase(at);
    return owned;
  }
};

namespace {

// Room for what a record costs beside its bytes: lengths, attributes, deltas, at their widest.
constexpr size_t kRecordOverhead = 31;

void seal(Batch& batch) {
  if (batch.sealed) return;
  batch.sealed = true;
  batch.bytes = batch.builder.finish();
}

// Writes who sends the batch into its header, which the checksum covers.
void number(Batch& batch, ProducerIdentity identity, int32_t sequence) {
  constexpr size_t kCrcAt = 17, kChecksummedFrom = 21, kProducerIdAt = 43, kEpochAt = 51, kSequenceAt = 53;
  batch.identity = identity;
  batch.sequence = sequence;
  // The client alone holds these bytes: those of an earlier try are in the kernel or given up with their connection.
  auto* at = const_cast<uint8_t*>(batch.bytes.bytes.data());
  store_be(at + kProducerIdAt, identity.id.value());
  store_be(at + kEpochAt, identity.epoch.value());
  store_be(at + kSequenceAt, sequence);
  store_be(at + kCrcAt, protocol::crc32c(batch.bytes.bytes.subspan(kChecksummedFrom)));
}

// Whether a broker that answers a batch with this retriable error can not have appended it. The others may come after
// the append: while it waited for replicas, lost its leadership, or could not flush.
bool precedes_append(ErrorCode error) {
  switch (error) {
    case ErrorCode::kCorruptMessage:
    case ErrorCode::kNotEnoughReplicas:
    case ErrorCode::kThrottlingQuotaExceeded:
      return true;
    default:
      return false;
  }
}

}  // namespace

Accumulator::Accumulator(const ProducerOptions& options) : options_(options) {}
Accumulator::~Accumulator() = default;

size_t Accumulator::size_of(const ProducerRecord& record) {
  size_t size = kRecordOverhead;
  if (record.key) size += record.key->size();
  if (record.value) size += record.value->size();
  for (const RecordHeader& header : record.headers) {
    size += header.key.size() + (header.value ? header.value->size() : 0) + 10;
  }
  return size;
}

Accumulator::Appended Accumulator::append(const TopicPartition& place, const ProducerRecord& record,
                                          DeliveryCallback done, MonotonicTime now) {
  std::unique_ptr<PartitionBatches>& slot = partitions_[place];
  if (!slot) slot = std::make_unique<PartitionBatches>();
  PartitionBatches& partition = *slot;
  const size_t size = size_of(record);
  Appended result{};
  Batch* batch = partition.waiting.empty() ? nullptr : partition.waiting.back().get();
  if (batch != nullptr && (batch->sealed || batch->memory + size > options_.batch_size)) {
    seal(*batch);
    result.batch_ready = true;
    batch = nullptr;
  }
  if (batch == nullptr) {
    auto fresh = std::make_unique<Batch>(
        Batch{.place = place, .builder = protocol::BatchBuilder({.codec = options_.compression}), .created = now});
    fresh->order = batches_made_++;
    batch = fresh.get();
    partition.waiting.push_back(std::move(fresh));
    result.new_batch = true;
  }
  std::vector<protocol::RecordHeader> headers;
  headers.reserve(record.headers.size());
  for (const RecordHeader& header : record.headers) {
    headers.push_back({header.key, header.value ? std::optional(as_bytes(*header.value)) : std::nullopt});
  }
  batch->builder.append(*record.timestamp, record.key ? std::optional(as_bytes(*record.key)) : std::nullopt,
                        record.value ? std::optional(as_bytes(*record.value)) : std::nullopt, headers);
  batch->records.push_back({std::move(done), *record.timestamp});
  batch->memory += size;
  used_ += size;
  ++records_pending_;
  if (batch->memory >= options_.batch_size) {
    seal(*batch);
    result.batch_ready = true;
  }
  return result;
}

std::vector<TopicPartition> Accumulator::ready(MonotonicTime now, bool flushing) {
  std::vector<TopicPartition> places;
  for (auto& [place, partition] : partitions_) {
    if (partition->sendable(options_, now, flushing, nullptr) != nullptr) places.push_back(place);
  }
  return places;
}

size_t Accumulator::next_size(const TopicPartition& place, MonotonicTime now, bool flushing) {
  const Batch* batch = partitions_.at(place)->sendable(options_, now, flushing, nullptr);
  if (batch == nullptr) return 0;
  return batch->sealed ? batch->bytes.bytes.size() : batch->memory + protocol::kBatchHeaderSize;
}

Batch* Accumulator::take(const TopicPartition& place) {
  PartitionBatches& partition = *partitions_.at(place);
  const auto at = partition.turn();
  CHECK(at != partition.waiting.end(), "{} has nothing to send", place.to_string());
  std::unique_ptr<Batch> owned = std::move(*at);
  partition.waiting.erase(at);
  Batch* batch = owned.get();
  seal(*batch);
  if (options_.idempotent && batch->sequence < 0) {
    if (partition.identity.id == kNoProducerId) {
      CHECK(!identity_wanted(), "no producer id for {}", place.to_string());
      partition.identity = identity_;
      partition.next_sequence = 0;
    }
    const auto count = static_cast<int32_t>(batch->records.size());
    number(*batch, partition.identity, partition.next_sequence);
    partition.next_sequence = protocol::sequence_after(partition.next_sequence, count);
  }
  ++batch->attempts;
  partition.in_flight.push_back(std::move(owned));
  return batch;
}

// The batch is decided, and takes no room any more.
std::unique_ptr<Batch> Accumulator::leave(PartitionBatches& partition, Batch* batch) {
  std::unique_ptr<Batch> owned = partition.remove_in_flight(batch);
  used_ -= batch->memory;
  records_pending_ -= batch->records.size();
  return owned;
}

void Accumulator::begin_epoch_when_settled(PartitionBatches& partition) {
  if (!partition.ending_epoch || !partition.in_flight.empty() || partition.turn() != partition.waiting.end()) return;
  partition.ending_epoch = false;
  partition.next_sequence = 0;
  for (auto& batch : partition.waiting) batch->sequence = -1;
  if (partition.identity.epoch.value() < INT16_MAX) {
    partition.identity.epoch = ProducerEpoch(static_cast<int16_t>(partition.identity.epoch.value() + 1));
    return;
  }
  // The epochs of this producer id are used up, here at least; with the next one every partition that begins can go on.
  if (identity_.id == partition.identity.id) identity_ = {};
  partition.identity = {};
}

Accumulator::Verdict Accumulator::judge(const Batch& batch, ErrorCode error) const {
  switch (error) {
    case ErrorCode::kNone:
    case ErrorCode::kDuplicateSequenceNumber:
      return Verdict::kStored;
    case ErrorCode::kOutOfOrderSequenceNumber:
      if (!options_.idempotent) return Verdict::kGivenUp;
      // Behind one that is itself to be sent again this is no surprise; for the oldest the broker has lost state.
      return partitions_.at(batch.place)->is_oldest(batch) ? Verdict::kLostTrack : Verdict::kRefused;
    case ErrorCode::kUnknownProducerId:
    case ErrorCode::kInvalidProducerEpoch:
      return options_.idempotent ? Verdict::kLostTrack : Verdict::kGivenUp;
    default:
      if (protocol::error_retry(error) == protocol::Retry::kNever) return Verdict::kGivenUp;
      return precedes_append(error) ? Verdict::kRefused : Verdict::kUncertain;
  }
}

void Accumulator::succeeded(Batch* batch, Offset base_offset, Timestamp append_time) {
  PartitionBatches& partition = *partitions_.at(batch->place);
  const auto owned = leave(partition, batch);
  begin_epoch_when_settled(partition);
  for (size_t i = 0; i < batch->records.size(); ++i) {
    Batch::Record& record = batch->records[i];
    const Delivery delivery{.partition = batch->place.partition,
                            .offset = base_offset == kNoOffset ? kNoOffset : base_offset + static_cast<int64_t>(i),
                            .timestamp = append_time == kNoTimestamp ? record.timestamp : append_time};
    if (record.done) record.done(delivery);
  }
}

void Accumulator::failed(Batch* batch, const Error& error) {
  PartitionBatches& partition = *partitions_.at(batch->place);
  const auto owned = leave(partition, batch);
  partition.ending_epoch |= batch->sequence >= 0;
  begin_epoch_when_settled(partition);
  const Result<Delivery> result = std::unexpected(error);
  for (Batch::Record& record : batch->records) {
    if (record.done) record.done(result);
  }
}

void Accumulator::send_again(Batch* batch, Verdict verdict, MonotonicTime not_before) {
  PartitionBatches& partition = *partitions_.at(batch->place);
  std::unique_ptr<Batch> owned = partition.remove_in_flight(batch);
  owned->not_before = not_before;
  // A refusal says nothing of an earlier attempt, which may still be on its way to the log.
  owned->in_doubt |= verdict == Verdict::kUncertain;
  partition.put_back(std::move(owned));
  begin_epoch_when_settled(partition);
}

void Accumulator::lost_track(Batch* batch, const Error& error, MonotonicTime not_before) {
  if (batch->in_doubt) {
    failed(batch, {error.code, error.message + "; an earlier attempt may have stored it"});
    return;
  }
  partitions_.at(batch->place)->ending_epoch = true;
  send_again(batch, Verdict::kRefused, not_before);
}

bool Accumulator::expire(MonotonicTime now) {
  bool any = false;
  for (auto& [place, partition] : partitions_) {
    while (!partition->waiting.empty() && partition->waiting.front()->created + options_.delivery_timeout <= now) {
      std::unique_ptr<Batch> batch = std::move(partition->waiting.front());
      partition->waiting.pop_front();
      Batch* expired = batch.get();
      partition->in_flight.push_back(std::move(batch));
      any = true;
      const std::string_view fate = expired->in_doubt        ? "; it may have been stored"
                                    : expired->attempts == 0 ? "; it was never sent"
                                                             : "";
      failed(expired, {Errc::kTimedOut, fmt::format("{}: not acknowledged within {} ms{}", place.to_string(),
                                                    options_.delivery_timeout / milliseconds(1), fate)});
    }
  }
  return any;
}

void Accumulator::fail_waiting(const Error& error) {
  for (auto& [place, partition] : partitions_) {
    while (!partition->waiting.empty()) {
      Batch* batch = partition->waiting.front().get();
      partition->in_flight.push_back(std::move(partition->waiting.front()));
      partition->waiting.pop_front();
      failed(batch, error);
    }
  }
}

MonotonicTime Accumulator::next_deadline(MonotonicTime now) const {
  MonotonicTime when = kNever;
  for (const auto& [place, partition] : partitions_) {
    partition->sendable(options_, now, false, &when);
    if (!partition->waiting.empty()) {
      when = std::min(when, partition->waiting.front()->created + options_.delivery_timeout);
    }
  }
  return when;
}

}  // namespace weir::client
