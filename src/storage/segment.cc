#include "storage/segment.h"

#include <fmt/format.h>

#include "base/log.h"
#include "storage/file_names.h"

namespace weir::storage {

Segment::Segment(LogFiles& files, Offset base_offset, const FileSizes& sizes, std::string_view mark)
    : files_(files),
      base_offset_(base_offset),
      mark_(mark),
      size_(sizes.log),
      noted_size_(sizes.log),
      created_(sizes.modified),
      modified_(sizes.modified),
      max_timestamp_known_(false),
      first_timestamp_known_(sizes.log == 0),
      has_transaction_index_(sizes.transaction_index.has_value()) {
  offset_index_.reset(static_cast<uint32_t>(sizes.offset_index.value_or(0) / kOffsetEntrySize));
  time_index_.reset(static_cast<uint32_t>(sizes.time_index.value_or(0) / kTimeEntrySize));
}

Result<std::unique_ptr<Segment>> Segment::create(LogFiles& files, Offset base_offset, Timestamp now,
                                                 std::string_view mark) {
  auto segment = std::make_unique<Segment>(files, base_offset, FileSizes{}, mark);
  segment->max_timestamp_known_ = true;
  segment->created_ = segment->modified_ = now;
  TRY(segment->file(segment->log_slot_, kLogSuffix, OpenMode::kTruncate));
  TRY(segment->file(segment->offset_slot_, kOffsetIndexSuffix, OpenMode::kTruncate));
  TRY(segment->file(segment->time_slot_, kTimeIndexSuffix, OpenMode::kTruncate));
  segment->indexes_unsynced_ = true;
  return segment;
}

std::string Segment::path(std::string_view suffix) const {
  return offset_file(files_.directory(), base_offset_, suffix).append(mark_);
}

Result<std::shared_ptr<File>> Segment::file(PooledFile& slot, std::string_view suffix, OpenMode mode) {
  return files_.get(slot, mode, [&] { return path(suffix); });
}

Result<std::shared_ptr<File>> Segment::log_file() { return file(log_slot_, kLogSuffix, OpenMode::kReadWrite); }

Segment::FileSizes Segment::file_sizes() const {
  return {.log = size_,
          .offset_index = offset_index_.entries() * kOffsetEntrySize,
          .time_index = time_index_.entries() * kTimeEntrySize,
          .transaction_index = has_transaction_index_ ? std::optional<uint64_t>(0) : std::nullopt,
          .modified = modified_};
}

bool Segment::index_full(const SegmentLimits& limits) const {
  const auto bytes = static_cast<uint64_t>(limits.index_size_max);
  // The last slot of the time index is for the closing entry.
  return offset_index_.entries() >= bytes / kOffsetEntrySize || time_index_.entries() + 1 >= bytes / kTimeEntrySize;
}

// ------------------------------------------------------------------------------------------------------------ append

Result<> Segment::write(std::span<const ByteView> bytes) {
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  if (tail_uncut_) {
    TRY(log->truncate(size_));
    tail_uncut_ = false;
  }
  Result<> written = log->write_at(size_, bytes);
  if (!written) {
    // A part of it may be there, which a reader or a recovery must never take for records. It is cut off again before
    // the next write, or before the segment is closed: this may fail, and is not on the device.
    (void)log->truncate(size_);
    tail_uncut_ = true;
    return written;
  }
  for (ByteView part : bytes) size_ += part.size();
  return {};
}

void Segment::note(const AppendedBatch& batch, Timestamp now, const SegmentLimits& limits) {
  if (batch.max_timestamp > max_timestamp_.timestamp) max_timestamp_ = {batch.max_timestamp, batch.last_offset};
  if (bytes_since_index_ > static_cast<uint64_t>(limits.index_interval)) {
    add_index_entries(batch.last_offset, noted_size_);
    bytes_since_index_ = 0;
  }
  if (noted_size_ == 0) {
    first_timestamp_ = batch.max_timestamp;
    first_timestamp_known_ = true;
  }
  recent_[recent_count_++ % recent_.size()] = {noted_size_, batch.size, batch.base_offset, batch.last_offset};
  bytes_since_index_ += batch.size;
  noted_size_ += batch.size;
  modified_ = now;
  if (!offset_index_.must_write() && !time_index_.must_write()) return;
  if (Result<> written = write_indexes(); !written) {
    // The batch is in the log already. A gap in a sparse index is harmless; memory without a bound is not.
    log_warn("log", "index entries were dropped", kv("segment", path(kLogSuffix)),
             kv("error", written.error().message));
    offset_index_.drop_pending();
    time_index_.drop_pending();
  }
}

void Segment::add_index_entries(Offset last_offset, uint64_t position) {
  SparseIndex::Entry entry;
  encode_offset_entry(entry.data(), static_cast<int32_t>(last_offset - base_offset_), static_cast<int32_t>(position));
  offset_index_.append(entry.data());
  add_time_entry();
}

// The time index tells only where the greatest timestamp grew.
void Segment::add_time_entry() {
  if (max_timestamp_.timestamp <= last_time_entry_) return;
  SparseIndex::Entry entry;
  encode_time_entry(entry.data(), max_timestamp_.timestamp, static_cast<int32_t>(max_timestamp_.offset - base_offset_));
  time_index_.append(entry.data());
  last_time_entry_ = max_timestamp_.timestamp;
}

void Segment::add_aborted(const AbortedTransaction& transaction) {
  unwritten_aborted_.push_back(transaction);
  if (Result<> written = write_aborted(); !written) {
    log_warn("log", "a transaction index waits for its disk", kv("segment", path(kLogSuffix)),
             kv("error", written.error().message));
  }
}

Result<> Segment::write_aborted() {
  if (unwritten_aborted_.empty()) return {};
  TRY_ASSIGN(std::shared_ptr<File> index, transaction_file());
  has_transaction_index_ = true;
  indexes_unsynced_ = true;
  while (!unwritten_aborted_.empty()) {
    TRY(append_aborted(*index, unwritten_aborted_.front()));
    unwritten_aborted_.erase(unwritten_aborted_.begin());
  }
  return {};
}

// -------------------------------------------------------------------------------------------------------------- read

Result<uint64_t> Segment::position_before(Offset offset) {
  if (offset_index_.entries() == 0 || offset <= base_offset_) return 0;
  const int64_t target = std::min<int64_t>(offset - base_offset_, INT32_MAX);
  TRY_ASSIGN(std::shared_ptr<File> index, offset_index_file());
  TRY_ASSIGN(uint32_t above, offset_index_.partition_point(files_.reader(index), [&](const uint8_t* entry) {
    return load_be<int32_t>(entry) <= target;
  }));
  if (above == 0) return 0;
  TRY_ASSIGN(SparseIndex::Entry entry, offset_index_.entry(files_.reader(index), above - 1));
  return static_cast<uint64_t>(load_be<int32_t>(entry.data() + 4));
}

std::optional<FoundEntry> Segment::find_recent(Offset offset) const {
  const size_t known = std::min(recent_count_, recent_.size());
  for (size_t back = 1; back <= known; ++back) {
    const FoundEntry& entry = recent_[(recent_count_ - back) % recent_.size()];
    if (offset > entry.last_offset) return std::nullopt;
    if (offset >= entry.base_offset) return entry;
  }
  return std::nullopt;
}

Result<std::optional<FoundEntry>> Segment::find(Offset offset) {
  if (const std::optional<FoundEntry> recent = find_recent(offset)) return recent;
  TRY_ASSIGN(uint64_t position, position_before(offset));
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  EntryScanner scanner(files_.reader(log), position, size_, kHeaderChunk);
  while (true) {
    TRY_ASSIGN(std::optional<Entry> entry, scanner.next());
    if (!entry) return std::nullopt;
    if (entry->last_offset >= offset) {
      return FoundEntry{entry->position, entry->size, entry->base_offset, entry->last_offset};
    }
  }
}

Result<std::optional<Offset>> Segment::offset_bound(uint64_t position) {
  if (offset_index_.entries() == 0) return std::nullopt;
  TRY_ASSIGN(std::shared_ptr<File> index, offset_index_file());
  TRY_ASSIGN(uint32_t at, offset_index_.partition_point(files_.reader(index), [&](const uint8_t* entry) {
    return static_cast<uint64_t>(load_be<int32_t>(entry + 4)) < position;
  }));
  if (at == offset_index_.entries()) return std::nullopt;
  TRY_ASSIGN(SparseIndex::Entry entry, offset_index_.entry(files_.reader(index), at));
  return base_offset_ + load_be<int32_t>(entry.data());
}

Result<std::optional<TimeIndexEntry>> Segment::last_time_entry() {
  if (time_index_.entries() == 0) return std::nullopt;
  TRY_ASSIGN(std::shared_ptr<File> index, time_index_file());
  TRY_ASSIGN(SparseIndex::Entry entry, time_index_.entry(files_.reader(index), time_index_.entries() - 1));
  return TimeIndexEntry{Timestamp(load_be<int64_t>(entry.data())), base_offset_ + load_be<int32_t>(entry.data() + 8)};
}

Result<> Segment::load_max_timestamp() {
  if (max_timestamp_known_) return {};
  if (!max_timestamp_search_) {
    TRY_ASSIGN(std::optional<TimeIndexEntry> last, last_time_entry());
    const TimeIndexEntry max = last.value_or(TimeIndexEntry{kNoTimestamp, base_offset_});
    // Batches behind the last entry may be newer still.
    TRY_ASSIGN(uint64_t position, position_before(max.offset));
    last_time_entry_ = last ? last->timestamp : kNoTimestamp;
    max_timestamp_search_ = {max, position};
  }
  auto& [max, position] = *max_timestamp_search_;
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  EntryScanner scanner(files_.reader(log), position, size_, kHeaderChunk);
  while (true) {
    TRY_ASSIGN(std::optional<Entry> entry, scanner.next());
    if (!entry) break;
    if (entry->max_timestamp > max.timestamp) max = {entry->max_timestamp, entry->last_offset};
    position = scanner.position();
  }
  max_timestamp_ = max;
  max_timestamp_known_ = true;
  max_timestamp_search_.reset();
  return {};
}

Result<TimeIndexEntry> Segment::max_timestamp() {
  TRY(load_max_timestamp());
  return max_timestamp_;
}

Result<Timestamp> Segment::retention_timestamp() {
  TRY(load_max_timestamp());
  return max_timestamp_.timestamp >= Timestamp(0) ? max_timestamp_.timestamp : modified_;
}

Result<Timestamp> Segment::first_timestamp() {
  if (first_timestamp_known_) return first_timestamp_;
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  EntryScanner scanner(files_.reader(log), 0, size_, kHeaderChunk);
  TRY_ASSIGN(std::optional<Entry> first, scanner.next());
  first_timestamp_known_ = true;
  first_timestamp_ = first ? first->max_timestamp : kNoTimestamp;
  return first_timestamp_;
}

Result<std::optional<Entry>> Segment::find_timestamp(Timestamp timestamp, Offset from) {
  Offset start = std::max(from, base_offset_);
  if (time_index_.entries() > 0) {
    TRY_ASSIGN(std::shared_ptr<File> index, time_index_file());
    TRY_ASSIGN(uint32_t above, time_index_.partition_point(files_.reader(index), [&](const uint8_t* entry) {
      return load_be<int64_t>(entry) <= timestamp.value();
    }));
    if (above > 0) {
      TRY_ASSIGN(SparseIndex::Entry entry, time_index_.entry(files_.reader(index), above - 1));
      start = std::max(start, base_offset_ + load_be<int32_t>(entry.data() + 8));
    }
  }
  TRY_ASSIGN(uint64_t position, position_before(start));
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  EntryScanner scanner(files_.reader(log), position, size_, kHeaderChunk);
  while (true) {
    TRY_ASSIGN(std::optional<Entry> entry, scanner.next());
    if (!entry) return std::nullopt;
    if (entry->last_offset < from || entry->max_timestamp < timestamp) continue;
    entry->header.reset();  // its bytes go with the scanner
    return entry;
  }
}

Result<std::vector<AbortedTransaction>> Segment::aborted() {
  std::vector<AbortedTransaction> found;
  if (has_transaction_index_) {
    TRY_ASSIGN(std::shared_ptr<File> index, transaction_file());
    TRY_ASSIGN(found, read_aborted(files_.reader(index)));
  }
  found.insert(found.end(), unwritten_aborted_.begin(), unwritten_aborted_.end());
  return found;
}

Result<Offset> Segment::next_offset() {
  if (size_ == 0) return base_offset_;
  uint64_t position = 0;
  if (offset_index_.entries() > 0) {
    TRY_ASSIGN(std::shared_ptr<File> index, offset_index_file());
    TRY_ASSIGN(SparseIndex::Entry entry, offset_index_.entry(files_.reader(index), offset_index_.entries() - 1));
    position = static_cast<uint64_t>(load_be<int32_t>(entry.data() + 4));
  }
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  EntryScanner scanner(files_.reader(log), position, size_, kHeaderChunk);
  Offset next = base_offset_;
  while (true) {
    TRY_ASSIGN(std::optional<Entry> entry, scanner.next());
    if (!entry) return next;
    next = entry->last_offset + 1;
  }
}

// ------------------------------------------------------------------------------------------------------------- files

Result<> Segment::add_log_file(std::vector<std::shared_ptr<File>>& files) {
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  files.push_back(std::move(log));
  return {};
}

Result<> Segment::add_unsynced_indexes(std::vector<std::shared_ptr<File>>& files) {
  if (!indexes_unsynced_) return {};
  TRY_ASSIGN(std::shared_ptr<File> offset_index, offset_index_file());
  TRY_ASSIGN(std::shared_ptr<File> time_index, time_index_file());
  files.push_back(std::move(offset_index));
  files.push_back(std::move(time_index));
  if (!has_transaction_index_) return {};
  TRY_ASSIGN(std::shared_ptr<File> transactions, transaction_file());
  files.push_back(std::move(transactions));
  return {};
}

void Segment::close_files() {
  for (PooledFile* slot : {&log_slot_, &offset_slot_, &time_slot_, &transaction_slot_}) slot->close();
}

Result<> Segment::rename_files(std::string_view mark) {
  for (std::string_view suffix : kSegmentSuffixes) {
    const std::string to = offset_file(files_.directory(), base_offset_, suffix).append(mark);
    Result<> done = files_.disk().rename(path(suffix), to);
    if (!done && done.error().code != Errc::kNotFound) return done;
  }
  mark_ = mark;
  return {};
}

Result<> Segment::remove_files() {
  close_files();
  for (const std::string& name : paths()) {
    Result<> removed = files_.disk().remove(name);
    if (!removed && removed.error().code != Errc::kNotFound) return removed;
  }
  return {};
}

std::vector<std::string> Segment::paths() const {
  std::vector<std::string> all;
  for (std::string_view suffix : kSegmentSuffixes) all.push_back(path(suffix));
  return all;
}

Result<> Segment::mark_deleted(std::vector<std::string>& renamed) {
  close_files();
  for (const std::string& name : paths()) {
    std::string to = name + std::string(kDeletedSuffix);
    Result<> done = files_.disk().rename(name, to);
    if (!done && done.error().code == Errc::kNotFound) continue;
    TRY(done);
    renamed.push_back(std::move(to));
  }
  return {};
}

}  // namespace weir::storage
