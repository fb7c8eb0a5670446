// Log: making it durable, closing it, and giving back what it holds while idle.
#include <fmt/format.h>

#include "storage/file_names.h"
#include "storage/log.h"

namespace weir::storage {

FlushNeed Log::flush_need(Timestamp now) const {
  if (unflushed_records_ > 0 &&
      (unflushed_records_ >= config_.flush_records || now - last_flush_ >= config_.flush_time.count())) {
    return FlushNeed::kAll;
  }
  const bool rolled = recovery_point_ < segments_.back()->base_offset();
  // Epochs can wait: those of records behind the recovery point are found again with the records.
  return rolled || directory_unsynced_ ? FlushNeed::kRolled : FlushNeed::kNone;
}

Result<FlushJob> Log::start_flush(FlushNeed extent, Timestamp now) {
  const bool all = extent == FlushNeed::kAll;
  FlushJob job{.up_to = all ? log_end_offset_ : std::max(active().base_offset(), recovery_point_),
               .generation = generation_,
               .files = {},
               .segments = {},
               .snapshots = {},
               .records = 0,
               .epochs = {},
               .sync_directory = directory_unsynced_,
               .directory = directory(),
               .disk = &files_.disk()};
  for (size_t i = segment_index(recovery_point_); i < segments_.size(); ++i) {
    Segment& segment = *segments_[i];
    const bool is_active = i + 1 == segments_.size();
    if (is_active && (!all || segment.size() == 0)) break;
    TRY(segment.add_log_file(job.files));
    // The active one's indexes are built anew after a crash.
    if (is_active) break;
    TRY(segment.add_unsynced_indexes(job.files));
    job.segments.push_back(segment.base_offset());
  }
  // A segment that was closed just at the recovery point has index entries that were written since.
  if (const size_t first = segment_index(recovery_point_); first > 0) {
    const size_t before = job.files.size();
    TRY(segments_[first - 1]->add_unsynced_indexes(job.files));
    // Or it was cut there, and the cut must not be undone when the power fails: the next segment begins at it.
    if (job.files.size() > before) TRY(segments_[first - 1]->add_log_file(job.files));
    job.segments.push_back(segments_[first - 1]->base_offset());
  }
  for (Offset snapshot : unsynced_snapshots_) {
    TRY_ASSIGN(std::shared_ptr<File> file,
               files_.disk().open(offset_file(directory(), snapshot, kSnapshotSuffix), OpenMode::kReadWrite));
    job.files.push_back(std::move(file));
  }
  job.snapshots = std::exchange(unsynced_snapshots_, {});
  if (epochs_unsaved_) job.epochs = epochs_.to_text();
  epochs_unsaved_ = false;
  directory_unsynced_ = false;
  if (all) {
    job.records = std::exchange(unflushed_records_, 0);
    last_flush_ = now;
  }
  return job;
}

Result<> FlushJob::run() const {
  for (const std::shared_ptr<File>& file : files) {
    // Of a disk without room too: the kernel may have dropped what it could not write, and a second sync would not see.
    if (Result<> synced = file->sync(); !synced) return fail(Errc::kIo, std::move(synced).error().message);
  }
  if (epochs) TRY(disk->write_file_atomically(fmt::format("{}/{}", directory, kLeaderEpochFile), *epochs));
  if (sync_directory && !epochs) TRY(disk->sync_directory(directory));
  return {};
}

void Log::finish_flush(const FlushJob& job, const Result<>& outcome) {
  if (!outcome) {
    flush_failed_ |= outcome.error().code != Errc::kNoSpace;
    epochs_unsaved_ |= job.epochs.has_value();
    directory_unsynced_ |= job.sync_directory;
    unflushed_records_ += job.records;
    unsynced_snapshots_.insert(unsynced_snapshots_.begin(), job.snapshots.begin(), job.snapshots.end());
    std::erase_if(unsynced_snapshots_,
                  [&](Offset offset) { return std::ranges::find(snapshots_, offset) == snapshots_.end(); });
    return;
  }
  if (job.generation != generation_) return;
  recovery_point_ = std::max(recovery_point_, job.up_to);
  for (Offset base : job.segments) {
    Segment& segment = *segments_[segment_index(base)];
    if (segment.base_offset() == base) segment.indexes_synced();
  }
}

void Log::detach() {
  CHECK(!compacting_, "{} is being compacted", directory());
  for (const auto& segment : segments_) segment->close_files();
  files_.attach(nullptr);
}

Result<> Log::close() {
  CHECK(!files_.attached());
  if (!touched_) return {};
  if (flush_failed_) return fail(Errc::kIo, "an earlier flush of " + directory() + " failed");
  TRY(active().finish());
  TRY(give_back_room());
  TRY(take_snapshot());
  directory_unsynced_ = true;
  TRY_ASSIGN(FlushJob job, start_flush(FlushNeed::kAll, last_flush_));
  // Also when it is empty: a write that failed and was cut off again must not come back with the power.
  TRY(active().add_log_file(job.files));
  TRY(active().add_unsynced_indexes(job.files));
  TRY(job.run());
  recovery_point_ = log_end_offset_;
  touched_ = false;
  for (const auto& segment : segments_) segment->close_files();
  return {};
}

Result<> Log::release_idle() {
  TRY(active().write_indexes());
  for (const auto& segment : segments_) segment->close_files();
  return {};
}

}  // namespace weir::storage
