#include "storage/producer_state.h"

#include <fmt/format.h>

#include "protocol/crc32c.h"

namespace weir::storage {
namespace {

constexpr int16_t kSnapshotVersion = 1;
constexpr size_t kSnapshotHeaderSize = 10;
constexpr size_t kSnapshotEntrySize = 46;
constexpr size_t kSnapshotCrcFrom = 6;

bool follows(int32_t last, int32_t next) { return next == int64_t{last} + 1 || (next == 0 && last == INT32_MAX); }

void encode_entry(uint8_t* out, ProducerId id, const ProducerEntry& entry) {
  const ProducerBatch last = entry.batch_count == 0 ? ProducerBatch{} : entry.batches[entry.batch_count - 1];
  store_be(out, id.value());
  store_be(out + 8, entry.epoch.value());
  store_be(out + 10, last.last_sequence);
  store_be(out + 14, last.last_offset.value());
  store_be(out + 22, last.offset_delta);
  store_be(out + 26, entry.last_timestamp.value());
  store_be(out + 34, entry.coordinator_epoch);
  store_be(out + 38, entry.transaction_first_offset.value());
}

ProducerEntry decode_entry(const uint8_t* in) {
  ProducerEntry entry{.epoch = ProducerEpoch(load_be<int16_t>(in + 8)),
                      .last_timestamp = Timestamp(load_be<int64_t>(in + 26)),
                      .coordinator_epoch = load_be<int32_t>(in + 34),
                      .transaction_first_offset = Offset(load_be<int64_t>(in + 38))};
  const ProducerBatch last{.last_sequence = load_be<int32_t>(in + 10),
                           .offset_delta = load_be<int32_t>(in + 22),
                           .last_offset = Offset(load_be<int64_t>(in + 14)),
                           .timestamp = entry.last_timestamp};
  if (last.last_offset >= Offset(0)) entry.add(last);
  return entry;
}

}  // namespace

int32_t ProducerBatch::first_sequence() const {
  return static_cast<int32_t>((static_cast<uint32_t>(last_sequence) - static_cast<uint32_t>(offset_delta)) & INT32_MAX);
}

const ProducerBatch* ProducerEntry::find(int32_t first_sequence, int32_t wanted_last) const {
  for (size_t i = 0; i < batch_count; ++i) {
    if (batches[i].last_sequence == wanted_last && batches[i].first_sequence() == first_sequence) return &batches[i];
  }
  return nullptr;
}

void ProducerEntry::add(const ProducerBatch& batch) {
  if (batch_count == batches.size()) {
    std::shift_left(batches.begin(), batches.end(), 1);
    --batch_count;
  }
  batches[batch_count++] = batch;
}

void ProducerEntry::take_epoch(ProducerEpoch now) {
  if (epoch == now) return;
  epoch = now;
  batch_count = 0;
}

ProducerJudgement ProducerState::judge(const protocol::RecordBatch& batch, bool starts_at_zero) const {
  const auto found = producers_.find(batch.producer_id());
  if (found == producers_.end() || found->second.epoch == kNoProducerEpoch) {
    // Its history may have been deleted with old segments, so any sequence may be the next one.
    const bool refused = starts_at_zero && batch.base_sequence() != 0;
    return {refused ? ProducerVerdict::kOutOfSequence : ProducerVerdict::kAccepted};
  }
  const ProducerEntry& entry = found->second;
  if (batch.producer_epoch() == entry.epoch) {
    if (const ProducerBatch* same = entry.find(batch.base_sequence(), batch.last_sequence())) {
      return {ProducerVerdict::kDuplicate, *same};
    }
    if (!follows(entry.last_sequence(), batch.base_sequence())) return {ProducerVerdict::kOutOfSequence};
  } else if (batch.producer_epoch() < entry.epoch) {
    return {ProducerVerdict::kStaleEpoch};
  } else if (batch.base_sequence() != 0) {
    return {ProducerVerdict::kOutOfSequence};
  }
  if (entry.transaction_first_offset != kNoOffset && !batch.is_transactional()) {
    return {ProducerVerdict::kTransactionOpen};
  }
  return {};
}

ProducerVerdict ProducerState::judge_marker(ProducerId id, ProducerEpoch epoch, int32_t coordinator_epoch,
                                            bool epoch_must_grow) const {
  const auto found = producers_.find(id);
  if (found == producers_.end()) return ProducerVerdict::kAccepted;
  const ProducerEntry& entry = found->second;
  if (epoch < entry.epoch) return ProducerVerdict::kStaleEpoch;
  // A coordinator that did not hear of the marker's success repeats it when the transaction is over already.
  const bool is_repetition = entry.transaction_first_offset == kNoOffset;
  if (epoch_must_grow && epoch == entry.epoch && !is_repetition) return ProducerVerdict::kStaleEpoch;
  if (coordinator_epoch < entry.coordinator_epoch) return ProducerVerdict::kStaleCoordinator;
  return ProducerVerdict::kAccepted;
}

void ProducerState::note(const protocol::RecordBatch& batch, Offset base_offset) {
  const ProducerId id = batch.producer_id();
  ProducerEntry& entry = producers_[id];
  entry.take_epoch(batch.producer_epoch());
  entry.add({.last_sequence = batch.last_sequence(),
             .offset_delta = batch.last_offset_delta(),
             .last_offset = base_offset + batch.last_offset_delta(),
             .timestamp = batch.max_timestamp()});
  entry.last_timestamp = batch.max_timestamp();
  if (batch.is_transactional() && entry.transaction_first_offset == kNoOffset) {
    entry.transaction_first_offset = base_offset;
    open_.emplace(base_offset, OpenTransaction{id});
  }
}

std::optional<AbortedTransaction> ProducerState::note_marker(ProducerId id, ProducerEpoch epoch, Offset offset,
                                                             const EndTransaction& marker) {
  ProducerEntry& entry = producers_[id];
  const Offset first = std::exchange(entry.transaction_first_offset, kNoOffset);
  entry.take_epoch(epoch);
  entry.coordinator_epoch = marker.coordinator_epoch;
  entry.last_timestamp = marker.timestamp;
  // A marker for a producer that wrote nothing here (or whose data were deleted) ends nothing.
  const auto transaction = first == kNoOffset ? open_.end() : open_.find(first);
  if (transaction == open_.end()) return std::nullopt;
  open_.erase(transaction);
  const Offset stable = open_.empty() ? offset + 1 : open_.begin()->first;
  decided_[first] = {id, offset};
  if (!marker.is_abort) return std::nullopt;
  return AbortedTransaction{id, first, offset, stable};
}

std::optional<Offset> ProducerState::first_unstable_offset() const {
  std::optional<Offset> first;
  if (!open_.empty()) first = open_.begin()->first;
  if (!decided_.empty() && (!first || decided_.begin()->first < *first)) first = decided_.begin()->first;
  return first;
}

void ProducerState::advance_high_watermark(Offset high_watermark) {
  if (decided_.empty()) return;
  std::erase_if(decided_, [&](const auto& decided) { return decided.second.last_offset < high_watermark; });
}

void ProducerState::expire(Timestamp now, milliseconds expiration) {
  std::erase_if(producers_, [&](const auto& producer) {
    return producer.second.transaction_first_offset == kNoOffset &&
           now - producer.second.last_timestamp >= expiration.count();
  });
}

void ProducerState::clear() {
  producers_.clear();
  open_.clear();
  decided_.clear();
}

Result<> ProducerState::load_snapshot(ByteView snapshot, Offset end, Timestamp now, milliseconds expiration) {
  if (snapshot.size() < kSnapshotHeaderSize) return fail(Errc::kCorrupt, "a producer snapshot that is too short");
  if (const auto version = load_be<int16_t>(snapshot.data()); version != kSnapshotVersion) {
    return fail(Errc::kCorrupt, fmt::format("a producer snapshot of version {}", version));
  }
  if (protocol::crc32c(snapshot.subspan(kSnapshotCrcFrom)) != load_be<uint32_t>(snapshot.data() + 2)) {
    return fail(Errc::kCorrupt, "a producer snapshot whose crc is wrong");
  }
  const auto count = load_be<int32_t>(snapshot.data() + kSnapshotCrcFrom);
  const size_t entry_bytes = snapshot.size() - kSnapshotHeaderSize;
  if (count < 0 || entry_bytes != static_cast<size_t>(count) * kSnapshotEntrySize) {
    return fail(Errc::kCorrupt, fmt::format("a producer snapshot of {} entries in {} bytes", count, entry_bytes));
  }
  clear();
  for (const uint8_t* at = snapshot.data() + kSnapshotHeaderSize; at < snapshot.data() + snapshot.size();
       at += kSnapshotEntrySize) {
    const ProducerId id(load_be<int64_t>(at));
    const ProducerEntry entry = decode_entry(at);
    producers_[id] = entry;
    if (entry.transaction_first_offset != kNoOffset) open_[entry.transaction_first_offset] = {id};
  }
  expire(now, expiration);
  end_ = end;
  return {};
}

ByteVector ProducerState::snapshot() const {
  ByteVector out(kSnapshotHeaderSize + producers_.size() * kSnapshotEntrySize);
  store_be(out.data(), kSnapshotVersion);
  store_be(out.data() + kSnapshotCrcFrom, static_cast<int32_t>(producers_.size()));
  // In order of the ids, so that equal states have equal bytes.
  std::vector<std::pair<ProducerId, const ProducerEntry*>> sorted;
  sorted.reserve(producers_.size());
  for (const auto& [id, entry] : producers_) sorted.emplace_back(id, &entry);
  std::ranges::sort(sorted, {}, &std::pair<ProducerId, const ProducerEntry*>::first);
  uint8_t* at = out.data() + kSnapshotHeaderSize;
  for (const auto& [id, entry] : sorted) {
    encode_entry(at, id, *entry);
    at += kSnapshotEntrySize;
  }
  store_be(out.data() + 2, protocol::crc32c(ByteView(out).subspan(kSnapshotCrcFrom)));
  return out;
}

}  // namespace weir::storage
