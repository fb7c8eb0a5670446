// Segment: what changes a segment other than by appending: closing, cutting, recovering.
#include <fmt/format.h>

#include "base/log.h"
#include "storage/file_names.h"
#include "storage/segment.h"

namespace weir::storage {

Result<> Segment::write_indexes() {
  TRY(write_aborted());
  if (offset_index_.pending_bytes() == 0 && time_index_.pending_bytes() == 0) return {};
  TRY_ASSIGN(std::shared_ptr<File> offset_index, offset_index_file());
  TRY_ASSIGN(std::shared_ptr<File> time_index, time_index_file());
  indexes_unsynced_ = true;
  TRY(offset_index_.write_pending(*offset_index));
  return time_index_.write_pending(*time_index);
}

Result<> Segment::finish() {
  TRY(load_max_timestamp());
  if (max_timestamp_.timestamp > kNoTimestamp) add_time_entry();
  TRY(write_indexes());
  // A failed write, or Kafka's preallocation, may have left bytes behind the entries.
  TRY_ASSIGN(std::shared_ptr<File> offset_index, offset_index_file());
  TRY_ASSIGN(std::shared_ptr<File> time_index, time_index_file());
  TRY(offset_index_.truncate(*offset_index, offset_index_.entries()));
  TRY(time_index_.truncate(*time_index, time_index_.entries()));
  if (tail_uncut_) {
    TRY_ASSIGN(std::shared_ptr<File> log, log_file());
    TRY(log->truncate(size_));
    // The records may all have been flushed before: what was cut off must not come back with the power in a segment
    // that no recovery reads, so the next flush takes this one in.
    indexes_unsynced_ = true;
    tail_uncut_ = false;
  }
  return {};
}

Result<> Segment::truncate_indexes(Offset end) {
  const int64_t relative_end = end - base_offset_;
  TRY_ASSIGN(std::shared_ptr<File> offset_index, offset_index_file());
  TRY_ASSIGN(uint32_t offsets_kept,
             offset_index_.partition_point(files_.reader(offset_index), [&](const uint8_t* entry) {
               return load_be<int32_t>(entry) < relative_end;
             }));
  TRY(offset_index_.truncate(*offset_index, offsets_kept));
  TRY_ASSIGN(std::shared_ptr<File> time_index, time_index_file());
  TRY_ASSIGN(uint32_t times_kept, time_index_.partition_point(files_.reader(time_index), [&](const uint8_t* entry) {
    return load_be<int32_t>(entry + 8) < relative_end;
  }));
  TRY(time_index_.truncate(*time_index, times_kept));
  indexes_unsynced_ = true;
  std::erase_if(unwritten_aborted_, [&](const AbortedTransaction& aborted) { return aborted.last_offset >= end; });
  if (!has_transaction_index_) return {};
  TRY_ASSIGN(std::shared_ptr<File> transactions, transaction_file());
  return truncate_aborted(*transactions, end);
}

Result<> Segment::truncate_to(Offset end, Timestamp now) {
  TRY_ASSIGN(std::optional<FoundEntry> cut, find(end));
  TRY(truncate_indexes(end));
  if (cut) {
    TRY_ASSIGN(std::shared_ptr<File> log, log_file());
    TRY(log->truncate(cut->position));
    size_ = noted_size_ = cut->position;
  }
  recent_count_ = 0;
  if (size_ == 0) {
    created_ = now;
    first_timestamp_ = kNoTimestamp;
    first_timestamp_known_ = true;
  }
  bytes_since_index_ = 0;
  max_timestamp_known_ = false;
  max_timestamp_search_.reset();
  return load_max_timestamp();
}

Result<> Segment::reset_indexes() {
  offset_slot_.close();
  time_slot_.close();
  offset_index_.reset(0);
  time_index_.reset(0);
  TRY(file(offset_slot_, kOffsetIndexSuffix, OpenMode::kTruncate));
  TRY(file(time_slot_, kTimeIndexSuffix, OpenMode::kTruncate));
  unwritten_aborted_.clear();
  if (has_transaction_index_) {
    TRY_ASSIGN(std::shared_ptr<File> transactions, transaction_file());
    TRY(transactions->truncate(0));
  }
  max_timestamp_ = {kNoTimestamp, base_offset_};
  last_time_entry_ = kNoTimestamp;
  max_timestamp_known_ = true;
  max_timestamp_search_.reset();
  indexes_unsynced_ = true;
  bytes_since_index_ = 0;
  return {};
}

Result<bool> Segment::recover(Offset from, const SegmentLimits& limits, const Visit& visit) {
  TRY(reset_indexes());
  TRY_ASSIGN(std::shared_ptr<File> log, log_file());
  // The size in the directory listing may be older than the file.
  TRY_ASSIGN(const uint64_t file_size, log->size());
  EntryScanner scanner(*log, 0, file_size, kRecoveryChunk);
  Offset next = from;
  size_ = noted_size_ = recent_count_ = 0;
  std::string bad;
  while (true) {
    Result<std::optional<Entry>> entry = scanner.next();
    if (entry && !*entry) break;
    Result<> good = entry ? scanner.check(**entry) : Result<>(std::unexpected(entry.error()));
    if (good && ((*entry)->base_offset < next || !covers((*entry)->last_offset))) {
      good = fail(Errc::kCorrupt, fmt::format("offset {} does not follow", (*entry)->base_offset.value()));
    }
    if (!good) {
      if (good.error().code != Errc::kCorrupt) return std::unexpected(good.error());
      bad = std::move(good).error().message;
      break;
    }
    const Entry& taken = **entry;
    size_ += taken.size;
    note({taken.size, taken.base_offset, taken.last_offset, taken.max_timestamp}, modified_, limits);
    next = taken.last_offset + 1;
    TRY(visit(taken, scanner));
  }
  TRY(finish());
  if (size_ == file_size) return false;
  log_warn("log", "cut off a torn tail", kv("segment", path(kLogSuffix)), kv("bytes", file_size - size_),
           kv("reason", bad));
  TRY(log->truncate(size_));
  // The records before it may all have been flushed already, and when the next segment begins right here no flush comes
  // back to this one: what was cut off must not come back with the power.
  TRY(log->sync());
  return true;
}

Result<bool> Segment::indexes_sane() {
  auto ascends = [](File& index, uint32_t entries, size_t entry_size, auto key) -> Result<bool> {
    ByteVector bytes(entries * entry_size);
    TRY_ASSIGN(size_t got, index.read_at(0, bytes));
    if (got != bytes.size()) return false;
    for (size_t at = entry_size; at < got; at += entry_size) {
      if (key(bytes.data() + at) <= key(bytes.data() + at - entry_size)) return false;
    }
    // Zeros at the front: pages that never reached the disk.
    return got == 0 || key(bytes.data()) != 0;
  };
  TRY_ASSIGN(std::shared_ptr<File> offset_index, offset_index_file());
  TRY_ASSIGN(bool offsets_sane, ascends(*offset_index, offset_index_.entries(), kOffsetEntrySize,
                                        [](const uint8_t* entry) { return load_be<int32_t>(entry + 4); }));
  TRY_ASSIGN(std::shared_ptr<File> time_index, time_index_file());
  TRY_ASSIGN(bool times_sane, ascends(*time_index, time_index_.entries(), kTimeEntrySize,
                                      [](const uint8_t* entry) { return load_be<int64_t>(entry); }));
  return offsets_sane && times_sane;
}

}  // namespace weir::storage
