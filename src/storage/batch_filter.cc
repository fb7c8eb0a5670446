#include "storage/batch_filter.h"

#include <fmt/format.h>

#include "protocol/crc32c.h"
#include "protocol/varint.h"
#include "storage/batch_checks.h"

namespace weir::storage {
namespace {

using protocol::kBatchHeaderSize;
using protocol::Record;
using protocol::RecordBatch;

// Where the fields of a header lie that a compacted batch has anew.
constexpr size_t kSizeAt = 8;
constexpr size_t kCrcAt = 17;
constexpr size_t kAttributesAt = 21;
constexpr size_t kBaseTimestampAt = 27;
constexpr size_t kMaxTimestampAt = 35;
constexpr size_t kCountAt = 57;

constexpr int16_t kKeptAttributes =
    protocol::kCodecMask | protocol::kLogAppendTimeBit | protocol::kTransactionalBit | protocol::kControlBit;

// Records whose look-ups are under way at once: enough to hide the memory behind the next ones.
constexpr size_t kLookahead = 16;

void seal(uint8_t* batch, size_t size) {
  store_be(batch + kSizeAt, static_cast<int32_t>(size - protocol::kEntryOverhead));
  store_be(batch + kCrcAt, protocol::crc32c({batch + kAttributesAt, size - kAttributesAt}));
}

}  // namespace

bool BatchFilter::must_keep_header(const RecordBatch& batch) const {
  if (batch.next_offset() == rules_.round_end) return true;
  if (!batch.has_producer()) return false;
  const auto last = producers_.find(batch.producer_id());
  if (last == producers_.end()) return false;
  if (last->second.data_offset) return batch.last_offset() == *last->second.data_offset;
  return batch.is_control() && batch.producer_epoch() == last->second.epoch;
}

Result<BatchFilter::Outcome> BatchFilter::filter(const RecordBatch& batch) {
  Outcome outcome;
  bool goes = false;
  bool marker_begins_to_go = false;
  if (batch.is_control()) {
    TRY_ASSIGN(const CleanedTransactions::Marker marker, transactions_.take_marker(batch));
    outcome.aborted = marker.aborted;
    goes = marker.can_go && batch.has_delete_horizon() && batch.base_timestamp() <= rules_.now;
    marker_begins_to_go = marker.can_go && !batch.has_delete_horizon();
  } else {
    goes = transactions_.is_aborted(batch);
  }
  if (goes || batch.record_count() == 0) {
    if (must_keep_header(batch)) outcome.bytes = emptied(batch);
    return outcome;
  }
  const bool is_whole = batch.is_control() ? !marker_begins_to_go : batch.base_offset() >= rules_.mapped_before;
  if (is_whole) {
    outcome.bytes = batch.bytes();
    return outcome;
  }
  TRY_ASSIGN(outcome.bytes, filter_records(batch, marker_begins_to_go));
  return outcome;
}

bool BatchFilter::stays(const RecordBatch& batch, const Record& record, const KeyHash& hash) const {
  if (batch.is_control() || record.offset >= rules_.mapped_before) return true;
  // Brokers refuse them; those of a time before the topic was compacted go.
  if (!record.key) return false;
  if (!record.value && batch.has_delete_horizon() && batch.base_timestamp() <= rules_.now) return false;
  const std::optional<Offset> newest = map_.find(hash);
  return !newest || record.offset >= *newest;
}

Result<ByteView> BatchFilter::filter_records(const RecordBatch& batch, bool marker_begins_to_go) {
  // What is written anew gets a checksum that is right: damage must not be made good by it.
  if (!batch.crc_matches()) {
    return fail(Errc::kCorrupt, fmt::format("the crc of the batch at offset {} is wrong", batch.base_offset().value()));
  }
  TRY_ASSIGN(const protocol::OpenBatch open, protocol::open_batch(batch, kOpenedBatchSizeMax));
  std::optional<Timestamp> horizon;
  if (batch.has_delete_horizon()) horizon = batch.base_timestamp();
  if (marker_begins_to_go) horizon = rules_.delete_horizon;
  TRY_ASSIGN(Kept kept, write_kept(batch, open.cursor, horizon));
  if (kept.records == 0) return must_keep_header(batch) ? emptied(batch) : ByteView{};
  const bool tombstone_begins_to_go = kept.has_tombstone && !horizon;
  if (tombstone_begins_to_go) {
    horizon = rules_.delete_horizon;
    TRY_ASSIGN(kept, write_kept(batch, open.cursor, horizon));
  } else if (kept.records == batch.record_count() && !marker_begins_to_go) {
    return batch.bytes();
  }
  return finish(batch, kept, horizon.has_value());
}

Result<BatchFilter::Kept> BatchFilter::write_kept(const RecordBatch& batch, protocol::RecordCursor cursor,
                                                  std::optional<Timestamp> horizon) {
  records_.clear();
  records_.extend(kBatchHeaderSize);
  Kept kept;
  if (horizon) kept.base_timestamp = *horizon;
  struct Waiting {
    Record record;
    KeyHash hash;
  };
  std::array<Waiting, kLookahead> waiting;
  while (true) {
    size_t count = 0;
    for (; count < kLookahead; ++count) {
      TRY_ASSIGN(const std::optional<Record> record, cursor.next());
      if (!record) break;
      waiting[count].record = *record;
      if (!record->key) continue;
      waiting[count].hash = hash_key(*record->key, seed_);
      map_.prefetch(waiting[count].hash);
    }
    for (size_t i = 0; i < count; ++i) {
      const Record& record = waiting[i].record;
      if (!stays(batch, record, waiting[i].hash)) continue;
      if (kept.records++ == 0 && !horizon) kept.base_timestamp = record.timestamp;
      kept.max_timestamp = std::max(kept.max_timestamp, record.timestamp);
      kept.has_tombstone |= !record.value && !batch.is_control();
      write_record(record, kept.base_timestamp);
    }
    if (count < kLookahead) return kept;
  }
}

void BatchFilter::write_record(const Record& record, Timestamp base_timestamp) {
  // Unsigned, as deltas from the wire may overflow.
  const auto timestamp_delta = static_cast<int64_t>(static_cast<uint64_t>(record.timestamp.value()) -
                                                    static_cast<uint64_t>(base_timestamp.value()));
  const size_t size =
      1 + protocol::varlong_size(timestamp_delta) + protocol::varint_size(record.offset_delta) + record.payload.size();
  uint8_t* at = records_.extend(protocol::varint_size(static_cast<int32_t>(size)) + size);
  at = protocol::put_varint(at, static_cast<int32_t>(size));
  *at++ = 0;  // attributes, of which none is defined
  at = protocol::put_varlong(at, timestamp_delta);
  at = protocol::put_varint(at, record.offset_delta);
  std::memcpy(at, record.payload.data(), record.payload.size());
}

// The records in records_ under the header of the batch that they are from.
ByteView BatchFilter::finish(const RecordBatch& batch, const Kept& kept, bool has_horizon) {
  protocol::Writer* out = &records_;
  if (batch.codec() != protocol::Compression::kNone) {
    compressed_.clear();
    compressed_.extend(kBatchHeaderSize);
    protocol::compress(batch.codec(), std::nullopt, records_.view().subspan(kBatchHeaderSize), compressed_);
    out = &compressed_;
  }
  const size_t size = out->size();
  out->truncate(0);
  uint8_t* header = out->extend(size);  // the same bytes again, to be written
  std::memcpy(header, batch.bytes().data(), kBatchHeaderSize);
  const int horizon_bit = has_horizon ? protocol::kDeleteHorizonBit : 0;
  store_be(header + kAttributesAt, static_cast<int16_t>((batch.attributes() & kKeptAttributes) | horizon_bit));
  store_be(header + kBaseTimestampAt, kept.base_timestamp.value());
  if (!batch.is_log_append_time()) store_be(header + kMaxTimestampAt, kept.max_timestamp.value());
  store_be(header + kCountAt, kept.records);
  seal(header, size);
  return {header, size};
}

ByteView BatchFilter::emptied(const RecordBatch& batch) {
  records_.clear();
  uint8_t* header = records_.extend(kBatchHeaderSize);
  std::memcpy(header, batch.bytes().data(), kBatchHeaderSize);
  store_be(header + kAttributesAt, static_cast<int16_t>(batch.attributes() & kKeptAttributes & ~protocol::kCodecMask));
  store_be(header + kBaseTimestampAt, kNoTimestamp.value());
  store_be(header + kCountAt, int32_t{0});
  seal(header, kBatchHeaderSize);
  return {header, kBatchHeaderSize};
}

}  // namespace weir::storage
