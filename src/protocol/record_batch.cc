#include "protocol/record_batch.h"

#include <fmt/format.h>

#include "protocol/crc32c.h"

namespace weir::protocol {
namespace {

constexpr size_t kSizeAt = 8;
constexpr size_t kLeaderEpochAt = 12;
constexpr size_t kMagicAt = 16;
constexpr size_t kCrcAt = 17;
constexpr size_t kAttributesAt = 21;
constexpr size_t kMaxTimestampAt = 35;
// The smallest entries: of magic 0 a crc, magic, attributes and two lengths; magic 1 has a timestamp too.
constexpr size_t kEntrySizeMin[] = {kEntryOverhead + 14, kEntryOverhead + 22, kBatchHeaderSize};
// One byte each of length, attributes, both deltas, key and value length, header count.
constexpr size_t kRecordSizeMin = 7;

uint32_t crc_of(ByteView batch) { return crc32c(batch.subspan(kAttributesAt)); }

std::unexpected<Error> corrupt(const RecordBatch& batch, std::string_view why) {
  return fail(Errc::kCorrupt, fmt::format("record batch at offset {}: {}", batch.base_offset().value(), why));
}

std::unexpected<Error> invalid(std::string_view why) {
  return fail(Errc::kInvalidArgument, fmt::format("record batch of a producer: {}", why));
}

Result<void> check_crc(const RecordBatch& batch) {
  CHECK(batch.bytes().size() == batch.size(), "a batch of {} bytes in {}", batch.size(), batch.bytes().size());
  uint32_t computed = batch.computed_crc();
  if (computed == batch.crc()) return {};
  return corrupt(batch, fmt::format("its crc is {}, its bytes have {}", batch.crc(), computed));
}

}  // namespace

Result<std::optional<EntryFrame>> sniff_entry(ByteView bytes) {
  if (bytes.size() < kEntrySniffSize) return std::nullopt;
  Offset offset(load_be<int64_t>(bytes.data()));
  size_t size = kEntryOverhead + size_t{load_be<uint32_t>(bytes.data() + kSizeAt)};
  auto magic = static_cast<int8_t>(bytes[kMagicAt]);
  if (magic < 0 || magic > kMagic) {
    return fail(Errc::kCorrupt, fmt::format("entry at offset {}: there is no magic {}", offset.value(), magic));
  }
  if (size < kEntrySizeMin[magic] || size > INT32_MAX) {
    return fail(Errc::kCorrupt, fmt::format("entry at offset {}: it cannot have {} bytes", offset.value(), size));
  }
  return EntryFrame{offset, size, magic};
}

uint32_t RecordBatch::computed_crc() const { return crc_of(bytes_); }

ByteView without_cut_entry(ByteView bytes) {
  size_t whole = 0;
  while (whole < bytes.size()) {
    const auto frame = sniff_entry(bytes.subspan(whole));
    if (!frame) return bytes;
    if (!*frame || (*frame)->size > bytes.size() - whole) break;
    whole += (*frame)->size;
  }
  return bytes.first(whole);
}

Result<RecordBatch> take_batch(ByteView& bytes) {
  TRY_ASSIGN(auto frame, sniff_entry(bytes));
  if (!frame || frame->size > bytes.size()) {
    return fail(Errc::kCorrupt, fmt::format("record batch: only {} bytes of it are there", bytes.size()));
  }
  if (frame->magic != kMagic) {
    return fail(Errc::kUnsupported, fmt::format("record batch: magic {} is not served any more", frame->magic));
  }
  RecordBatch batch(bytes.first(frame->size));
  bytes = bytes.subspan(frame->size);
  return batch;
}

Result<void> check_batch_offsets(const RecordBatch& batch) {
  if (batch.base_offset() < Offset(0) || batch.last_offset_delta() < 0) {
    return corrupt(batch, fmt::format("its last offset delta is {}", batch.last_offset_delta()));
  }
  if (batch.base_offset().value() > INT64_MAX - 1 - batch.last_offset_delta())
    return corrupt(batch, "its offsets overflow");
  return {};
}

Result<void> check_batch_header(const RecordBatch& batch) {
  if (batch.magic() != kMagic) return corrupt(batch, fmt::format("its magic is {}", batch.magic()));
  if (batch.size() < kBatchHeaderSize) return corrupt(batch, fmt::format("it cannot have {} bytes", batch.size()));
  if ((batch.attributes() & kCodecMask) > kCompressionMax) {
    return corrupt(batch, fmt::format("there is no codec {}", batch.attributes() & kCodecMask));
  }
  TRY(check_batch_offsets(batch));
  if (batch.record_count() < 0 || batch.record_count() > int64_t{batch.last_offset_delta()} + 1) {
    return corrupt(batch, fmt::format("it has {} records in {} offsets", batch.record_count(),
                                      int64_t{batch.last_offset_delta()} + 1));
  }
  size_t records_size = batch.size() - kBatchHeaderSize;
  if (batch.codec() == Compression::kNone &&
      records_size / kRecordSizeMin < static_cast<size_t>(batch.record_count())) {
    return corrupt(batch, fmt::format("{} bytes do not hold {} records", records_size, batch.record_count()));
  }
  return {};
}

Result<void> check_batch(const RecordBatch& batch) {
  // The checksum first: what the rest says of damaged bytes would lead astray.
  TRY(check_crc(batch));
  return check_batch_header(batch);
}

Result<void> check_producer_batch(const RecordBatch& batch) {
  TRY(check_crc(batch));
  if (batch.base_offset() != Offset(0)) {
    return invalid(fmt::format("its base offset is {}, not 0", batch.base_offset().value()));
  }
  if (batch.record_count() < 1 || batch.record_count() != int64_t{batch.last_offset_delta()} + 1) {
    return invalid(fmt::format("it has {} records but a last offset delta of {}", batch.record_count(),
                               batch.last_offset_delta()));
  }
  if (batch.is_control()) return invalid("clients may not write control records");
  if (batch.has_delete_horizon()) return invalid("only compaction sets a delete horizon");
  if (batch.has_producer() && batch.base_sequence() < 0) {
    return invalid(fmt::format("it has a producer id but the sequence {}", batch.base_sequence()));
  }
  // The checksum is right, so these are the producer's own words.
  if (const Result<void> header = check_batch_header(batch); !header) return invalid(header.error().message);
  return {};
}

void set_base_offset(MutableBytes batch, Offset offset) { store_be(batch.data(), offset.value()); }

void set_leader_epoch(MutableBytes batch, LeaderEpoch epoch) { store_be(batch.data() + kLeaderEpochAt, epoch.value()); }

void set_log_append_time(MutableBytes batch, Timestamp now) {
  auto attributes = load_be<int16_t>(batch.data() + kAttributesAt);
  store_be(batch.data() + kAttributesAt, static_cast<int16_t>(attributes | kLogAppendTimeBit));
  set_max_timestamp(batch, now);
}

void set_max_timestamp(MutableBytes batch, Timestamp max) {
  store_be(batch.data() + kMaxTimestampAt, max.value());
  store_be(batch.data() + kCrcAt, crc_of(batch));
}

}  // namespace weir::protocol
