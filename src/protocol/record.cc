#include "protocol/record.h"

#include <fmt/format.h>

#include "protocol/varint.h"

namespace weir::protocol {
namespace {

// Key and value length of a header: at least a byte each.
constexpr size_t kHeaderSizeMin = 2;

bool take_bytes(const uint8_t*& at, const uint8_t* end, std::optional<ByteView>& value) {
  int32_t size;
  if (!take_varint(at, end, size) || size > end - at) return false;
  if (size < 0) {
    value.reset();
    return true;
  }
  value.emplace(at, static_cast<size_t>(size));
  at += size;
  return true;
}

bool take_header(const uint8_t*& at, const uint8_t* end, RecordHeader& header) {
  std::optional<ByteView> key;
  if (!take_bytes(at, end, key) || !key) return false;
  header.key = as_text(*key);
  return take_bytes(at, end, header.value);
}

}  // namespace

std::optional<RecordHeader> RecordHeaders::next() {
  if (count_ == 0) return std::nullopt;
  RecordHeader header;
  const uint8_t* at = bytes_.data();
  const uint8_t* end = at + bytes_.size();
  CHECK(take_header(at, end, header), "the headers of a record were not checked");
  bytes_ = {at, end};
  --count_;
  return header;
}

RecordCursor::RecordCursor(const RecordBatch& batch, ByteView records)
    : at_(records.data()),
      end_(records.data() + records.size()),
      base_offset_(batch.base_offset()),
      left_(batch.record_count()),
      last_offset_delta_(batch.last_offset_delta()),
      base_timestamp_(batch.base_timestamp()),
      is_log_append_time_(batch.is_log_append_time()),
      append_time_(batch.max_timestamp()) {}

Result<std::optional<Record>> RecordCursor::next() {
  if (left_ == 0) {
    if (at_ == end_) return std::nullopt;
    return fail(Errc::kCorrupt, fmt::format("record batch at offset {}: {} bytes behind its last record",
                                            base_offset_.value(), end_ - at_));
  }
  Record record;
  if (const char* why = parse(record)) {
    return fail(Errc::kCorrupt, fmt::format("record batch at offset {}: the record behind offset delta {}: {}",
                                            base_offset_.value(), previous_delta_, why));
  }
  --left_;
  previous_delta_ = record.offset_delta;
  return record;
}

// What is wrong with the record at the front, or null.
const char* RecordCursor::parse(Record& record) {
  const uint8_t* start = at_;
  int32_t size;
  if (!take_varint(at_, end_, size) || size < 1 || size > end_ - at_) return "it runs past the end";
  const uint8_t* end = at_ + size;
  ++at_;  // attributes, of which none is defined
  int64_t timestamp_delta;
  if (!take_varlong(at_, end, timestamp_delta) || !take_varint(at_, end, record.offset_delta)) return "it is cut short";
  if (record.offset_delta <= previous_delta_ || record.offset_delta > last_offset_delta_) {
    return "its offset is not behind that one or outside the batch";
  }
  const uint8_t* payload = at_;
  if (!take_bytes(at_, end, record.key)) return "its key runs past the end";
  if (!take_bytes(at_, end, record.value)) return "its value runs past the end";
  int32_t header_count;
  if (!take_varint(at_, end, header_count) || header_count < 0 ||
      static_cast<size_t>(header_count) > static_cast<size_t>(end - at_) / kHeaderSizeMin) {
    return "the number of its headers is wrong";
  }
  const uint8_t* headers = at_;
  RecordHeader header;
  for (int32_t i = 0; i < header_count; ++i) {
    if (!take_header(at_, end, header)) return "a header runs past the end";
  }
  if (at_ != end) return "its length is not that of its fields";
  record.headers = RecordHeaders({headers, end}, header_count);
  record.bytes = {start, end};
  record.payload = {payload, end};
  record.offset = base_offset_ + record.offset_delta;
  // Unsigned, as deltas from the wire may overflow.
  record.timestamp = is_log_append_time_
                         ? append_time_
                         : Timestamp(static_cast<int64_t>(static_cast<uint64_t>(base_timestamp_.value()) +
                                                          static_cast<uint64_t>(timestamp_delta)));
  return nullptr;
}

Result<OpenBatch> open_batch(const RecordBatch& batch, size_t size_max) {
  OpenBatch open;
  // Compaction leaves headers without records, whose codec means nothing.
  bool is_emptied = batch.record_count() == 0 && batch.records().empty();
  if (batch.codec() == Compression::kNone || is_emptied) {
    open.cursor = RecordCursor(batch, batch.records());
    return open;
  }
  TRY_ASSIGN(open.records, decompress(batch.codec(), batch.records(), size_max));
  open.cursor = RecordCursor(batch, open.records.bytes);
  return open;
}

}  // namespace weir::protocol
