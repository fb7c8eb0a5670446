// Log: truncation, deletion of records, retention.
#include <fmt/format.h>

#include "base/log.h"
#include "storage/file_names.h"
#include "storage/log.h"

namespace weir::storage {

uint64_t Log::size() const {
  uint64_t total = 0;
  for (const auto& segment : segments_) total += segment->size();
  return total;
}

void Log::raise_log_start(Offset offset) {
  if (offset <= log_start_offset_) return;
  touched_ = true;
  log_start_offset_ = offset;
  epochs_unsaved_ |= epochs_.truncate_from_start(offset);
  if (producers_.end() < offset) producers_.set_end(offset);
  last_snapshot_ = snapshots_.empty() ? offset : snapshots_.back();
}

Result<> Log::delete_records_before(Offset offset) {
  if (offset > log_end_offset_) {
    return fail(Errc::kOutOfRange, fmt::format("cannot delete records before {}: {} ends at {}", offset.value(),
                                               partition_.to_string(), log_end_offset_.value()));
  }
  raise_log_start(offset);
  return {};
}

// The segment must be out of segments_, or about to be.
Result<> Log::delete_segment_files(Segment& segment) {
  directory_unsynced_ = touched_ = true;
  return segment.mark_deleted(deletions_.renamed);
}

// ---------------------------------------------------------------------------------------------------------- truncate

Result<bool> Log::truncate_to(Offset offset, Timestamp now) {
  if (offset >= log_end_offset_) {
    // An epoch in which this replica led and wrote nothing may be one that its leader knows nothing of.
    const bool cut = epochs_.truncate_from_end(offset);
    epochs_unsaved_ |= cut;
    touched_ |= cut;
    return false;
  }
  const LogFiles::Waiting waiting(files_);
  touched_ = true;
  TRY(cancel_compaction());
  if (cleaned_before_ > offset) cleaned_before_ = offset;
  if (offset < first_segment_offset()) {
    TRY(truncate_fully_and_start_at(offset, now));
    return true;
  }
  while (active().base_offset() > offset) {
    TRY(delete_segment_files(active()));
    segments_.pop_back();
  }
  TRY(active().truncate_to(offset, now));
  ++generation_;
  log_end_offset_ = offset;
  last_bound_ = {};
  recovery_point_ = std::min(recovery_point_, offset);
  log_start_offset_ = std::min(log_start_offset_, offset);
  epochs_unsaved_ |= epochs_.truncate_from_end(offset);
  TRY(rebuild_producers(offset, false, now));
  return true;
}

Result<> Log::truncate_fully_and_start_at(Offset offset, Timestamp now) {
  touched_ = true;
  TRY(cancel_compaction());
  cleaned_before_.reset();
  // Highest first: what a crash in between leaves is a log with a shorter end, never one with a hole.
  while (segments_.size() > 1) {
    TRY(delete_segment_files(active()));
    segments_.pop_back();
  }
  ++generation_;
  if (active().base_offset() != offset) {
    TRY_ASSIGN(std::unique_ptr<Segment> fresh, Segment::create(files_, offset, now));
    TRY(delete_segment_files(active()));
    segments_.back() = std::move(fresh);
  } else {
    active().close_files();
    TRY_ASSIGN(segments_.back(), Segment::create(files_, offset, now));
  }
  directory_unsynced_ = true;
  for (const std::vector<Offset> known = snapshots_; Offset snapshot : known) remove_snapshot(snapshot);
  producers_.clear();
  producers_.set_end(offset);
  last_snapshot_ = offset;
  epochs_.clear();
  epochs_unsaved_ = true;
  log_start_offset_ = log_end_offset_ = offset;
  recovery_point_ = std::min(recovery_point_, offset);
  last_bound_ = {};
  return {};
}

// --------------------------------------------------------------------------------------------------------- retention

// Whether segment `i`, the first that is left, may go; `kept_bytes` is the size of the log from it on.
Result<bool> Log::breaches_retention(size_t i, Timestamp now, uint64_t kept_bytes) {
  Segment& segment = *segments_[i];
  if (i + 1 < segments_.size() && segments_[i + 1]->base_offset() <= log_start_offset_) return true;
  if (!config_.deletes_old_segments) return false;
  if (config_.retention_bytes >= 0 && kept_bytes - segment.size() >= static_cast<uint64_t>(config_.retention_bytes)) {
    return true;
  }
  if (config_.retention_time < milliseconds(0)) return false;
  TRY_ASSIGN(Timestamp newest, segment.retention_timestamp());
  return now - newest > config_.retention_time.count();
}

Result<size_t> Log::apply_retention(Timestamp now, Offset high_watermark) {
  if (compacting_) return 0;
  uint64_t kept_bytes = size();
  size_t count = 0;
  while (count < segments_.size()) {
    const bool is_last = count + 1 == segments_.size();
    if (is_last && active().size() == 0) break;
    const Offset end = is_last ? log_end_offset_ : segments_[count + 1]->base_offset();
    // The log start must not overtake the high watermark.
    if (high_watermark < end) break;
    TRY_ASSIGN(bool goes, breaches_retention(count, now, kept_bytes));
    if (!goes) break;
    kept_bytes -= segments_[count]->size();
    ++count;
  }
  if (count == 0) return 0;
  if (count == segments_.size()) TRY(roll(now));
  delete_front_segments(count);
  return count;
}

void Log::delete_front_segments(size_t count) {
  raise_log_start(segments_[count]->base_offset());
  touched_ = true;
  deletions_.directory = directory();
  deletions_.sync_first |= directory_unsynced_;
  while (count-- > 0) {
    Segment& segment = *segments_.front();
    std::vector<std::string>& names = deletions_.named.emplace_back(segment.paths());
    if (std::erase(snapshots_, segment.base_offset()) > 0) {
      std::erase(unsynced_snapshots_, segment.base_offset());
      names.push_back(offset_file(directory(), segment.base_offset(), kSnapshotSuffix));
    }
    segments_.erase(segments_.begin());
  }
  log_info("log", "deleted old segments", kv("partition", partition_), kv("log_start", log_start_offset_));
}

Result<> Deletions::rename(Disk& disk) {
  while (!named.empty()) {
    // The names of a segment are off the device before those of the next one go. When the power fails a device may
    // forget any of the renames that it was not told to keep: an old segment that came back in front of a hole would
    // cost all behind it.
    if (sync_first) TRY(disk.sync_directory(directory));
    sync_first = true;
    for (const std::string& name : named.front()) {
      std::string to = name + std::string(kDeletedSuffix);
      Result<> done = disk.rename(name, to);
      if (!done && done.error().code == Errc::kNotFound) continue;
      TRY(done);
      renamed.push_back(std::move(to));
    }
    if (named.size() == 1) TRY(disk.sync_directory(directory));
    named.erase(named.begin());
  }
  return {};
}

Result<> Deletions::run(Disk& disk) {
  TRY(rename(disk));
  Result<> result;
  for (const std::string& path : renamed) {
    Result<> removed = disk.remove(path);
    if (!removed && removed.error().code != Errc::kNotFound) result = std::move(removed);
  }
  return result;
}

}  // namespace weir::storage
