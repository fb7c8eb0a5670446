#include "storage/entry_scanner.h"

#include <fmt/format.h>

#include "protocol/crc32c.h"
#include "protocol/legacy_message.h"

namespace weir::storage {
namespace {

// Where the checksummed part of a batch begins.
constexpr size_t kAttributesAt = 21;

std::unexpected<Error> cut_short(uint64_t position) {
  return fail(Errc::kCorrupt, fmt::format("the entry at position {} is cut short", position));
}

}  // namespace

Result<Entry> entry_of(ByteView start, const protocol::EntryFrame& frame, uint64_t position) {
  Entry entry{.position = position,
              .size = frame.size,
              .magic = frame.magic,
              .base_offset = frame.offset,
              .last_offset = frame.offset,
              .max_timestamp = kNoTimestamp,
              .header = {}};
  if (frame.magic == protocol::kMagic) {
    entry.header.emplace(start);
    TRY(protocol::check_batch_offsets(*entry.header));
    entry.last_offset = entry.header->last_offset();
    entry.max_timestamp = entry.header->max_timestamp();
    return entry;
  }
  if (frame.offset < Offset(0) || frame.offset == Offset(INT64_MAX)) {
    return fail(Errc::kCorrupt, fmt::format("a message has the offset {}", frame.offset.value()));
  }
  if (frame.magic == 1) entry.max_timestamp = Timestamp(load_be<int64_t>(start.data() + protocol::kEntrySniffSize + 1));
  return entry;
}

Result<Entry> take_entry(ByteView& bytes) {
  TRY_ASSIGN(const auto frame, protocol::sniff_entry(bytes));
  if (!frame || frame->size > bytes.size()) {
    return fail(Errc::kCorrupt, fmt::format("only {} bytes of an entry are there", bytes.size()));
  }
  TRY_ASSIGN(Entry entry, entry_of(bytes.first(frame->size), *frame, 0));
  bytes = bytes.subspan(frame->size);
  return entry;
}

EntryScanner::EntryScanner(FileReader file, uint64_t from, uint64_t end, size_t chunk)
    : file_(std::move(file)), next_(from), end_(end), chunk_(chunk), buffer_(Buffer::allocate(chunk)) {}

// The bytes [position, position + size), from the buffer or the file.
Result<ByteView> EntryScanner::load(uint64_t position, size_t size) {
  if (position < window_ || position + size > window_ + filled_) {
    if (size > buffer_.capacity()) buffer_ = Buffer::allocate(size);
    filled_ = 0;
    const size_t want = std::min<uint64_t>(std::max(size, chunk_), end_ - position);
    TRY_ASSIGN(size_t got, file_.read_at(position, {buffer_.data(), want}));
    window_ = position;
    filled_ = got;
    if (got < size) return cut_short(position);
  }
  return ByteView(buffer_.data() + (position - window_), size);
}

Result<std::optional<Entry>> EntryScanner::next() {
  if (next_ >= end_) return std::nullopt;
  const uint64_t left = end_ - next_;
  if (left < protocol::kEntrySniffSize) return cut_short(next_);
  TRY_ASSIGN(ByteView start, load(next_, std::min<uint64_t>(left, protocol::kBatchHeaderSize)));
  TRY_ASSIGN(auto frame, protocol::sniff_entry(start));
  if (!frame || frame->size > left) return cut_short(next_);
  TRY_ASSIGN(Entry entry, entry_of(start, *frame, next_));
  next_ += frame->size;
  return entry;
}

Result<> EntryScanner::check(Entry& entry) {
  if (entry.magic != protocol::kMagic) {
    TRY_ASSIGN(ByteView whole, bytes(entry));
    if (!protocol::LegacyMessage(whole).crc_matches()) {
      return fail(Errc::kCorrupt, fmt::format("the crc of the message at position {} is wrong", entry.position));
    }
    return {};
  }
  // At once, if it is not too large: then the header is still there behind the check.
  const size_t first = entry.size <= chunk_ ? entry.size : size_t{protocol::kBatchHeaderSize};
  TRY_ASSIGN(ByteView start, load(entry.position, first));
  const protocol::RecordBatch header(start);
  TRY(protocol::check_batch_header(header));
  const uint32_t expected = header.crc();
  // Piece by piece: a damaged size must not make us ask for a gigabyte.
  uint32_t crc = 0;
  for (size_t at = kAttributesAt; at < entry.size;) {
    const size_t piece = std::min(chunk_, entry.size - at);
    TRY_ASSIGN(ByteView part, load(entry.position + at, piece));
    crc = protocol::crc32c(part, crc);
    at += piece;
  }
  if (crc != expected) {
    return fail(Errc::kCorrupt, fmt::format("the crc of the batch at position {} is wrong", entry.position));
  }
  TRY_ASSIGN(start, load(entry.position, protocol::kBatchHeaderSize));
  entry.header.emplace(start);
  return {};
}

Result<ByteView> EntryScanner::bytes(const Entry& entry) { return load(entry.position, entry.size); }

}  // namespace weir::storage
