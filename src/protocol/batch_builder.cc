#include "protocol/batch_builder.h"

#include <algorithm>

#include "base/check.h"
#include "protocol/crc32c.h"
#include "protocol/varint.h"

namespace weir::protocol {
namespace {

constexpr int32_t kNullSize = -1;
constexpr size_t kAttributesSize = 1;
// The crc covers the batch from its attributes on.
constexpr size_t kCrcAt = 17;
constexpr size_t kCheckedFrom = 21;

size_t bytes_size(const std::optional<ByteView>& bytes) {
  return bytes ? varint_size(static_cast<int32_t>(bytes->size())) + bytes->size() : varint_size(kNullSize);
}

uint8_t* put_bytes(uint8_t* at, const std::optional<ByteView>& bytes) {
  if (!bytes) return put_varint(at, kNullSize);
  at = put_varint(at, static_cast<int32_t>(bytes->size()));
  if (!bytes->empty()) std::memcpy(at, bytes->data(), bytes->size());
  return at + bytes->size();
}

// Key, value and headers.
size_t payload_size(const std::optional<ByteView>& key, const std::optional<ByteView>& value,
                    std::span<const RecordHeader> headers) {
  size_t size = bytes_size(key) + bytes_size(value) + varint_size(static_cast<int32_t>(headers.size()));
  for (const RecordHeader& header : headers) size += bytes_size(as_bytes(header.key)) + bytes_size(header.value);
  CHECK(size <= INT32_MAX / 2, "a record of {} bytes", size);
  return size;
}

}  // namespace

BatchBuilder::BatchBuilder(BatchOptions options, size_t capacity_hint)
    : options_(options), capacity_hint_(capacity_hint), out_(capacity_hint) {
  begin();
}

void BatchBuilder::begin() {
  out_.extend(kBatchHeaderSize);
  count_ = 0;
  base_timestamp_ = max_timestamp_ = kNoTimestamp;
}

void BatchBuilder::append(Timestamp timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
                          std::span<const RecordHeader> headers) {
  if (count_ == 0) base_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  int64_t timestamp_delta = timestamp - base_timestamp_;
  size_t size =
      kAttributesSize + varlong_size(timestamp_delta) + varint_size(count_) + payload_size(key, value, headers);
  uint8_t* at = out_.extend(varint_size(static_cast<int32_t>(size)) + size);
  at = put_varint(at, static_cast<int32_t>(size));
  *at++ = 0;
  at = put_varlong(at, timestamp_delta);
  at = put_varint(at, count_++);
  at = put_bytes(at, key);
  at = put_bytes(at, value);
  at = put_varint(at, static_cast<int32_t>(headers.size()));
  for (const RecordHeader& header : headers) {
    at = put_bytes(at, as_bytes(header.key));
    at = put_bytes(at, header.value);
  }
  CHECK(at == out_.view().data() + out_.size());
}

size_t BatchBuilder::record_size_max(std::optional<ByteView> key, std::optional<ByteView> value,
                                     std::span<const RecordHeader> headers) {
  return kVarintBytesMax + kAttributesSize + kVarlongBytesMax + kVarintBytesMax + payload_size(key, value, headers);
}

void BatchBuilder::set_producer(ProducerId id, ProducerEpoch epoch, int32_t base_sequence, bool is_transactional) {
  options_.producer_id = id;
  options_.producer_epoch = epoch;
  options_.base_sequence = base_sequence;
  options_.is_transactional = is_transactional;
}

void BatchBuilder::fill_header(uint8_t* batch, size_t size) const {
  int attributes = static_cast<int>(options_.codec) | (options_.is_transactional ? kTransactionalBit : 0) |
                   (options_.is_control ? kControlBit : 0);
  store_be(batch, options_.base_offset.value());
  store_be(batch + 8, static_cast<int32_t>(size - kEntryOverhead));
  store_be(batch + 12, options_.leader_epoch.value());
  store_be(batch + 16, kMagic);
  store_be(batch + kCheckedFrom, static_cast<int16_t>(attributes));
  store_be(batch + 23, std::max(count_ - 1, 0));
  store_be(batch + 27, base_timestamp_.value());
  store_be(batch + 35, max_timestamp_.value());
  store_be(batch + 43, options_.producer_id.value());
  store_be(batch + 51, options_.producer_epoch.value());
  store_be(batch + 53, options_.base_sequence);
  store_be(batch + 57, count_);
  store_be(batch + kCrcAt, crc32c({batch + kCheckedFrom, size - kCheckedFrom}));
}

SharedBytes BatchBuilder::finish() {
  if (options_.codec != Compression::kNone) {
    Writer compressed(capacity_hint_);
    compressed.extend(kBatchHeaderSize);
    compress(options_.codec, options_.level, out_.view().subspan(kBatchHeaderSize), compressed);
    std::swap(out_, compressed);
  }
  SharedBytes batch = out_.release();
  fill_header(batch.owner.data(), batch.bytes.size());
  begin();
  return batch;
}

}  // namespace weir::protocol
