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
  std::vector<std::unique_ptr<Batch>> in_flight;  // oldest first, at most ProducerOptions::in_flight_max
  int32_t next_sequence = 0;

  // The batch that may be sent now, or null. `*when` gets the time when one that only has to wait may be.
  Batch* sendable(const ProducerOptions& options, MonotonicTime now, bool flushing, MonotonicTime* when) {
    if (waiting.empty()) return nullptr;
    Batch* front = waiting.front().get();
    const auto limit = static_cast<size_t>(options.idempotent ? std::min(options.in_flight_max, 5) : 1);
    const bool is_repeat = front->attempts > 0;
    const bool repeat_on_the_way = std::ranges::any_of(in_flight, [](const auto& b) { return b->attempts > 1; });
    if (in_flight.size() >= (is_repeat ? 1 : limit) || repeat_on_the_way) return nullptr;
    const bool full = front->sealed || waiting.size() > 1;
    MonotonicTime from = is_repeat ? front->not_before : full || flushing ? now : front->created + options.linger;
    if (from <= now) return front;
    if (when != nullptr) *when = std::min(*when, from);
    return nullptr;
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

Batch* Accumulator::take(const TopicPartition& place, ProducerIdentity identity) {
  PartitionBatches& partition = *partitions_.at(place);
  std::unique_ptr<Batch> owned = std::move(partition.waiting.front());
  partition.waiting.pop_front();
  Batch* batch = owned.get();
  seal(*batch);
  if (options_.idempotent && batch->sequence < 0) {
    const auto count = static_cast<int32_t>(batch->records.size());
    number(*batch, identity, partition.next_sequence);
    partition.next_sequence = protocol::sequence_after(partition.next_sequence, count);
  }
  ++batch->attempts;
  ++in_flight_;
  partition.in_flight.push_back(std::move(owned));
  return batch;
}

void Accumulator::release(Batch* batch) {
  used_ -= batch->memory;
  records_pending_ -= batch->records.size();
}

void Accumulator::succeeded(Batch* batch, Offset base_offset, Timestamp append_time) {
  const auto owned = partitions_.at(batch->place)->remove_in_flight(batch);
  --in_flight_;
  release(batch);
  for (size_t i = 0; i < batch->records.size(); ++i) {
    Batch::Record& record = batch->records[i];
    const Delivery delivery{.partition = batch->place.partition,
                            .offset = base_offset == kNoOffset ? kNoOffset : base_offset + static_cast<int64_t>(i),
                            .timestamp = append_time == kNoTimestamp ? record.timestamp : append_time};
    if (record.done) record.done(delivery);
  }
}

void Accumulator::failed(Batch* batch, const Error& error) {
  const auto owned = partitions_.at(batch->place)->remove_in_flight(batch);
  --in_flight_;
  release(batch);
  want_new_identity();
  const Result<Delivery> result = std::unexpected(error);
  for (Batch::Record& record : batch->records) {
    if (record.done) record.done(result);
  }
}

void Accumulator::send_again(Batch* batch, MonotonicTime not_before) {
  PartitionBatches& partition = *partitions_.at(batch->place);
  std::unique_ptr<Batch> owned = partition.remove_in_flight(batch);
  --in_flight_;
  owned->not_before = not_before;
  // Those that failed together come back in the order of their answers; their sequence says where they belong.
  auto at = partition.waiting.begin();
  while (at != partition.waiting.end() && (*at)->attempts > 0 && (*at)->created < owned->created) ++at;
  partition.waiting.insert(at, std::move(owned));
}

Accumulator::Verdict Accumulator::judge(const Batch& batch, ErrorCode error) const {
  switch (error) {
    case ErrorCode::kNone:
    case ErrorCode::kDuplicateSequenceNumber:
      return Verdict::kStored;
    case ErrorCode::kOutOfOrderSequenceNumber: {
      // Behind one that is itself to be sent again this is no surprise; for the oldest the broker has lost state.
      const PartitionBatches& partition = *partitions_.at(batch.place);
      const bool oldest = partition.in_flight.front().get() == &batch &&
                          (partition.waiting.empty() || partition.waiting.front()->attempts == 0);
      return !options_.idempotent ? Verdict::kLost : oldest ? Verdict::kAgainNew : Verdict::kAgain;
    }
    case ErrorCode::kUnknownProducerId:
    case ErrorCode::kInvalidProducerEpoch:
      return options_.idempotent ? Verdict::kAgainNew : Verdict::kLost;
    default:
      return protocol::error_retry(error) == protocol::Retry::kNever ? Verdict::kLost : Verdict::kAgain;
  }
}

void Accumulator::begin_identity() {
  CHECK(in_flight_ == 0, "a batch of the old identity is on its way");
  new_identity_wanted_ = false;
  for (auto& [place, partition] : partitions_) {
    partition->next_sequence = 0;
    for (auto& batch : partition->waiting) batch->sequence = -1;
  }
}

bool Accumulator::expire(MonotonicTime now) {
  bool any = false;
  for (auto& [place, partition] : partitions_) {
    while (!partition->waiting.empty() && partition->waiting.front()->created + options_.delivery_timeout <= now) {
      std::unique_ptr<Batch> batch = std::move(partition->waiting.front());
      partition->waiting.pop_front();
      Batch* expired = batch.get();
      partition->in_flight.push_back(std::move(batch));
      ++in_flight_;
      any = true;
      const bool tried = expired->attempts > 0;
      const bool wanted = new_identity_wanted_;
      failed(expired, {Errc::kTimedOut,
                       fmt::format("{}: not acknowledged within {} ms{}", place.to_string(),
                                   options_.delivery_timeout / milliseconds(1), tried ? "" : "; it was never sent")});
      // What was never sent has no number yet and leaves no gap.
      if (!tried) new_identity_wanted_ = wanted;
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
      ++in_flight_;
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
