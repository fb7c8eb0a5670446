// Log: the producers' state on disk: snapshots, and what is read again behind the newest one.
#include <fmt/format.h>

#include <ranges>

#include "base/log.h"
#include "storage/end_transaction.h"
#include "storage/file_names.h"
#include "storage/log.h"

namespace weir::storage {

// Names the snapshot by the end of what the state covers. Not synced: the next flush does that, and recovery does
// without.
Result<> Log::take_snapshot() {
  const Offset end = producers_.end();
  if (end <= last_snapshot_) return {};
  const ByteVector content = producers_.snapshot();
  TRY_ASSIGN(std::shared_ptr<File> file,
             files_.disk().open(offset_file(directory(), end, kSnapshotSuffix), OpenMode::kTruncate));
  TRY(file->write_at(0, ByteView(content)));
  snapshots_.push_back(end);
  last_snapshot_ = end;
  unsynced_snapshots_.push_back(end);
  return {};
}

void Log::remove_snapshot(Offset offset) {
  std::erase(snapshots_, offset);
  std::erase(unsynced_snapshots_, offset);
  const std::string path = offset_file(directory(), offset, kSnapshotSuffix);
  if (Result<> removed = files_.disk().remove(path); !removed && removed.error().code != Errc::kNotFound) {
    log_warn("log", "cannot remove a producer snapshot", kv("error", removed.error().message));
  }
}

// Of snapshots that are not named after a segment only the newest is of use, and only if it is newer than all segments.
void Log::keep_snapshots_for_segments() {
  std::vector<Offset> strays;
  for (Offset offset : snapshots_) {
    const Segment& floor = *segments_[segment_index(offset)];
    if (floor.base_offset() != offset) strays.push_back(offset);
  }
  if (!strays.empty() && strays.back() > active().base_offset()) strays.pop_back();
  for (Offset offset : strays) remove_snapshot(offset);
}

// The state as of the newest snapshot that is not above `end`; of the log's start when there is none.
Result<> Log::load_newest_snapshot(Offset end, Timestamp now) {
  producers_.clear();
  for (const std::vector<Offset> known = snapshots_; Offset offset : std::views::reverse(known)) {
    if (offset > end || offset <= log_start_offset_) continue;
    TRY_ASSIGN(std::string content, files_.disk().read_file(offset_file(directory(), offset, kSnapshotSuffix)));
    Result<> loaded = producers_.load_snapshot(as_bytes(content), offset, now, config_.producer_id_expiration);
    if (loaded) {
      last_snapshot_ = offset;
      return {};
    }
    log_warn("log", "ignored a producer snapshot", kv("partition", partition_), kv("error", loaded.error().message));
    remove_snapshot(offset);
  }
  producers_.set_end(log_start_offset_);
  last_snapshot_ = log_start_offset_;
  return {};
}

// Brings the state to what it was when the log ended at `end`.
Result<> Log::rebuild_producers(Offset end, bool was_clean, Timestamp now) {
  const bool was_empty = producers_.producer_count() == 0 && !producers_.has_unstable() && producers_.end() >= end;
  if (snapshots_.empty() && was_clean) {
    // A log of before there were snapshots, or without producers: nothing says that reading it all would find any.
    producers_.clear();
    if (segments_.size() > 1) {
      producers_.set_end(segments_[segments_.size() - 2]->base_offset());
      TRY(take_snapshot());
    }
    producers_.set_end(active().base_offset());
    TRY(take_snapshot());
    producers_.set_end(end);
    return take_snapshot();
  }
  for (const std::vector<Offset> known = snapshots_; Offset offset : known) {
    if (offset > end || offset <= log_start_offset_) remove_snapshot(offset);
  }
  TRY(load_newest_snapshot(end, now));
  // Where there was no producer, cutting the log has not made one.
  if (!was_empty) TRY(replay_producers(end));
  producers_.set_end(end);
  return take_snapshot();
}

Offset Log::newest_snapshot(Offset end) const {
  for (Offset offset : std::views::reverse(snapshots_)) {
    if (offset <= end && offset > log_start_offset_) return offset;
  }
  return kNoOffset;
}

Result<> Log::look_at_truncation(Offset offset) {
  if (offset >= log_end_offset_ || offset < first_segment_offset()) return {};
  Offset from = newest_snapshot(offset);
  if (from != kNoOffset) {
    TRY_ASSIGN(const std::shared_ptr<File> file,
               files_.disk().open(offset_file(directory(), from, kSnapshotSuffix), OpenMode::kRead));
    const FileReader reader = files_.reader(file);
    TRY_ASSIGN(const uint64_t size, reader.size());
    const Buffer buffer = Buffer::allocate(size);
    TRY(reader.read_at(0, {buffer.data(), size}));
  }
  from = std::max(from, log_start_offset_);
  for (size_t i = segment_index(from); i < segments_.size() && segments_[i]->base_offset() <= offset; ++i) {
    Segment& segment = *segments_[i];
    TRY_ASSIGN(const std::optional<FoundEntry> first, segment.find(std::max(from, segment.base_offset())));
    if (!first) continue;
    TRY_ASSIGN(const std::shared_ptr<File> file, segment.log_file());
    EntryScanner scanner(files_.reader(file), first->position, segment.size(), kHeaderChunk);
    for (;;) {
      TRY_ASSIGN(const std::optional<Entry> entry, scanner.next());
      if (!entry || entry->base_offset > offset) break;
      if (entry->header && entry->header->is_control()) TRY(scanner.bytes(*entry));
    }
  }
  return {};
}

Result<> Log::replay_producers(Offset end) {
  const Offset from = producers_.end();
  if (from >= end) return {};
  for (size_t i = segment_index(from); i < segments_.size() && segments_[i]->base_offset() < end; ++i) {
    const Offset base = segments_[i]->base_offset();
    producers_.set_end(std::max({base, producers_.end(), log_start_offset_}));
    // Where the next truncation or start is likely to begin.
    if (i + 2 >= segments_.size() && producers_.end() == base) TRY(take_snapshot());
    TRY(replay_segment(*segments_[i], producers_.end(), end));
  }
  return {};
}

Result<> Log::replay_segment(Segment& segment, Offset from, Offset end) {
  TRY_ASSIGN(std::optional<FoundEntry> first, segment.find(from));
  if (!first) return {};
  TRY_ASSIGN(std::shared_ptr<File> file, segment.log_file());
  EntryScanner scanner(files_.reader(file), first->position, segment.size(), kHeaderChunk);
  while (true) {
    TRY_ASSIGN(std::optional<Entry> entry, scanner.next());
    if (!entry || entry->base_offset >= end) return {};
    if (!entry->header || !entry->header->has_producer()) continue;
    if (!entry->header->is_control()) {
      producers_.note(*entry->header, entry->base_offset);
      continue;
    }
    TRY_ASSIGN(ByteView whole, scanner.bytes(*entry));
    const protocol::RecordBatch batch(whole);
    TRY_ASSIGN(std::optional<EndTransaction> marker, read_end_transaction(batch));
    if (marker) producers_.note_marker(batch.producer_id(), batch.producer_epoch(), batch.base_offset(), *marker);
  }
}

}  // namespace weir::storage
