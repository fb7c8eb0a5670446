// Log: reading by offset and by time.
#include <fmt/format.h>

#include <array>

#include "protocol/legacy_message.h"
#include "protocol/record.h"
#include "storage/batch_checks.h"
#include "storage/log.h"

namespace weir::storage {

size_t Log::segment_index(Offset offset) const {
  const auto after = std::ranges::upper_bound(segments_, offset, {}, [](const auto& s) { return s->base_offset(); });
  return after == segments_.begin() ? 0 : static_cast<size_t>(after - segments_.begin()) - 1;
}

// How many bytes of `segment` hold batches that begin below `upper_bound`.
Result<uint64_t> Log::readable_size(Segment& segment, Offset upper_bound) {
  if (upper_bound >= log_end_offset_) return segment.size();
  if (last_bound_.bound == upper_bound && last_bound_.segment == segment.base_offset()) return last_bound_.position;
  TRY_ASSIGN(std::optional<FoundEntry> bound, segment.find(upper_bound));
  uint64_t position = segment.size();
  if (bound) position = bound->base_offset < upper_bound ? bound->position + bound->size : bound->position;
  if (bound) last_bound_ = {upper_bound, segment.base_offset(), position};
  return position;
}

Result<ReadResult> Log::read(Offset from, size_t max_bytes, Offset upper_bound, bool at_least_one_batch) {
  if (from < log_start_offset_ || from > log_end_offset_) {
    return fail(Errc::kOutOfRange,
                fmt::format("offset {} is not in [{}, {}] of {}", from.value(), log_start_offset_.value(),
                            log_end_offset_.value(), partition_.to_string()));
  }
  if (from >= upper_bound || from == log_end_offset_) return ReadResult{};
  for (size_t i = segment_index(from); i < segments_.size(); ++i) {
    Segment& segment = *segments_[i];
    if (segment.base_offset() >= upper_bound) break;
    TRY_ASSIGN(std::optional<FoundEntry> first, segment.find(from));
    // Behind the last batch of the segment: compaction left a gap.
    if (!first) continue;
    TRY_ASSIGN(uint64_t end, readable_size(segment, upper_bound));
    if (first->position >= end) break;
    const uint64_t wanted = at_least_one_batch ? std::max<uint64_t>(max_bytes, first->size) : max_bytes;
    ReadResult result{.first_base_offset = first->base_offset,
                      .first_batch_size = first->size,
                      .from_older_segment = i + 1 < segments_.size()};
    const uint64_t length = std::min(wanted, end - first->position);
    if (length == 0) return result;
    TRY_ASSIGN(std::shared_ptr<File> file, segment.log_file());
    result.records = {std::move(file), first->position, length};
    return result;
  }
  return ReadResult{};
}

Result<std::vector<AbortedTransaction>> Log::aborted_transactions(Offset from, const ReadResult& read,
                                                                  Offset upper_bound) {
  std::vector<AbortedTransaction> found;
  if (read.records.length == 0) return found;
  const size_t first = segment_index(read.first_base_offset);
  // Not more than what was read needs: the rest of the log may hold many.
  TRY_ASSIGN(std::optional<Offset> rough_end,
             segments_[first]->offset_bound(read.records.position + read.records.length));
  Offset end =
      rough_end ? *rough_end : (first + 1 < segments_.size() ? segments_[first + 1]->base_offset() : log_end_offset_);
  end = std::min(end, upper_bound);
  for (size_t i = first; i < segments_.size(); ++i) {
    TRY_ASSIGN(std::vector<AbortedTransaction> aborted, segments_[i]->aborted());
    for (const AbortedTransaction& transaction : aborted) {
      if (transaction.last_offset >= from && transaction.first_offset < end) found.push_back(transaction);
      // Whatever is decided later began behind what was read.
      if (transaction.last_stable_offset >= end) return found;
    }
  }
  return found;
}

Offset Log::last_stable_offset(Offset high_watermark) const {
  if (!producers_.has_unstable()) return high_watermark;
  const std::optional<Offset> unstable = producers_.first_unstable_offset();
  return unstable ? std::min(high_watermark, std::max(*unstable, log_start_offset_)) : high_watermark;
}

// The first record in `entry` whose timestamp is `timestamp` or later.
Result<std::optional<FoundTimestamp>> Log::find_record(Segment& segment, const Entry& entry, Timestamp timestamp) {
  // Records of old messages are not looked into: their offset is that of the whole entry.
  if (entry.magic != protocol::kMagic) {
    return FoundTimestamp{entry.max_timestamp, std::max(entry.base_offset, log_start_offset_), kNoLeaderEpoch};
  }
  TRY_ASSIGN(std::shared_ptr<File> file, segment.log_file());
  Buffer buffer = Buffer::allocate(entry.size);
  const MutableBytes whole(buffer.data(), entry.size);
  TRY_ASSIGN(size_t got, files_.reader(file).read_at(entry.position, whole));
  if (got != entry.size) return fail(Errc::kCorrupt, "a segment of " + partition_.to_string() + " became shorter");
  const protocol::RecordBatch batch(whole);
  TRY_ASSIGN(protocol::OpenBatch open, protocol::open_batch(batch, kOpenedBatchSizeMax));
  while (true) {
    TRY_ASSIGN(std::optional<protocol::Record> record, open.cursor.next());
    if (!record) return std::nullopt;
    if (record->timestamp >= timestamp && record->offset >= log_start_offset_) {
      return FoundTimestamp{record->timestamp, record->offset, batch.leader_epoch()};
    }
  }
}

Result<std::optional<FoundTimestamp>> Log::offset_for_timestamp(Timestamp timestamp) {
  for (const auto& segment : segments_) {
    TRY_ASSIGN(TimeIndexEntry max, segment->max_timestamp());
    if (max.timestamp < timestamp) continue;
    for (Offset from = log_start_offset_;;) {
      TRY_ASSIGN(std::optional<Entry> entry, segment->find_timestamp(timestamp, from));
      if (!entry) break;
      TRY_ASSIGN(std::optional<FoundTimestamp> found, find_record(*segment, *entry, timestamp));
      if (found) return found;
      from = entry->last_offset + 1;
    }
  }
  return std::nullopt;
}

Result<Timestamp> Log::timestamp_at(Offset offset) {
  for (size_t i = segment_index(offset); i < segments_.size(); ++i) {
    Segment& segment = *segments_[i];
    TRY_ASSIGN(std::optional<FoundEntry> entry, segment.find(offset));
    if (!entry) continue;
    TRY_ASSIGN(std::shared_ptr<File> file, segment.log_file());
    std::array<uint8_t, protocol::kBatchHeaderSize> header;
    TRY_ASSIGN(const size_t got, files_.reader(file).read_at(entry->position, header));
    if (got != header.size()) return kNoTimestamp;
    const protocol::RecordBatch batch(header);
    if (batch.magic() != protocol::kMagic) return kNoTimestamp;
    return batch.is_log_append_time() ? batch.max_timestamp() : batch.base_timestamp();
  }
  return kNoTimestamp;
}

Result<std::optional<FoundTimestamp>> Log::max_timestamp_offset() {
  Segment* newest = nullptr;
  Timestamp max = kNoTimestamp;
  for (const auto& segment : segments_) {
    TRY_ASSIGN(TimeIndexEntry of_segment, segment->max_timestamp());
    if (of_segment.timestamp <= max) continue;
    max = of_segment.timestamp;
    newest = segment.get();
  }
  if (newest == nullptr) return std::nullopt;
  TRY_ASSIGN(std::optional<Entry> entry, newest->find_timestamp(max, log_start_offset_));
  if (!entry) return std::nullopt;
  return find_record(*newest, *entry, max);
}

}  // namespace weir::storage
