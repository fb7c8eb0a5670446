// Log: what compaction needs to know of it, and how what comes out of one takes its place.
#include "base/log.h"
#include "storage/file_names.h"
#include "storage/log.h"

namespace weir::storage {

Offset Log::first_dirty_offset() const {
  const Offset checkpointed = cleaned_before_.value_or(log_start_offset_);
  // A log that ends before what was seen has lost its end, and is not what it was.
  return checkpointed < log_start_offset_ || checkpointed > log_end_offset_ ? log_start_offset_ : checkpointed;
}

Result<Offset> Log::first_uncleanable_offset(Offset first_dirty, Offset last_stable, Timestamp now) {
  Offset bound = std::min({last_stable, active().base_offset(), recovery_point_});
  const int64_t lag = config_.compaction_lag_min.count();
  for (size_t i = segment_index(first_dirty); lag > 0 && i + 1 < segments_.size(); ++i) {
    TRY_ASSIGN(const TimeIndexEntry newest, segments_[i]->max_timestamp());
    if (now - newest.timestamp >= lag) continue;
    bound = std::min(bound, segments_[i]->base_offset());
    break;
  }
  // A segment is cleaned whole or not at all.
  return segments_[segment_index(bound)]->base_offset();
}

Result<bool> Log::is_overdue(Offset first_dirty, Timestamp now) {
  if (config_.compaction_lag_max == milliseconds::max()) return false;
  for (size_t i = segment_index(first_dirty); i + 1 < segments_.size(); ++i) {
    TRY_ASSIGN(const Timestamp first, segments_[i]->first_timestamp());
    if (first > Timestamp(0) && now - first > config_.compaction_lag_max.count()) return true;
  }
  return false;
}

Result<Dirtiness> Log::dirtiness(Offset last_stable, Timestamp now) {
  Dirtiness dirtiness{.first_dirty = first_dirty_offset()};
  TRY_ASSIGN(dirtiness.first_uncleanable, first_uncleanable_offset(dirtiness.first_dirty, last_stable, now));
  const size_t dirty_from = segment_index(dirtiness.first_dirty);
  for (size_t i = 0; i + 1 < segments_.size(); ++i) {
    const Segment& segment = *segments_[i];
    if (segment.base_offset() < dirtiness.first_dirty) dirtiness.clean_bytes += segment.size();
    if (i >= dirty_from && segment.base_offset() < dirtiness.first_uncleanable) dirtiness.dirty_bytes += segment.size();
  }
  if (dirtiness.first_uncleanable <= dirtiness.first_dirty) dirtiness.dirty_bytes = 0;
  TRY_ASSIGN(dirtiness.is_overdue, is_overdue(dirtiness.first_dirty, now));
  return dirtiness;
}

Result<CompactionPlan> Log::start_compaction(const Dirtiness& dirtiness, Timestamp now) {
  CHECK(!compacting_, "two compactions of {}", directory());
  CompactionPlan plan{.directory = directory(),
                      .config = config_,
                      .now = now,
                      .first_dirty = dirtiness.first_dirty,
                      .first_uncleanable = dirtiness.first_uncleanable};
  for (const auto& segment : segments_) {
    if (segment->base_offset() >= dirtiness.first_uncleanable) break;
    plan.segments.push_back({segment->base_offset(), segment->file_sizes()});
  }
  // Also from behind: a transaction may have ended there.
  bool all_known = false;
  for (size_t i = 0; i < segments_.size() && !all_known; ++i) {
    TRY_ASSIGN(const std::vector<AbortedTransaction> aborted, segments_[i]->aborted());
    for (const AbortedTransaction& transaction : aborted) {
      if (transaction.first_offset < dirtiness.first_uncleanable) plan.aborted.push_back(transaction);
      all_known |= transaction.last_stable_offset >= dirtiness.first_uncleanable;
    }
  }
  for (const auto& [id, producer] : producers_.producers()) {
    LastRecord last{.data_offset = std::nullopt, .epoch = producer.epoch};
    if (producer.batch_count > 0) last.data_offset = producer.batches[producer.batch_count - 1].last_offset;
    plan.producers.emplace(id, last);
  }
  compacting_ = true;
  return plan;
}

Result<bool> Log::swap_in(const CompactedSegment& segment) {
  if (!compacting_) return false;
  if (!swap_) {
    swap_.emplace(Swap{.segment = segment,
                       .fresh = std::make_unique<Segment>(files_, segment.base_offset, segment.sizes, kCleanedSuffix),
                       .replaced = {}});
  }
  switch (swap_->stage) {
    case Swap::Stage::kToBeNamed:
      // From here on a start completes the swap: all of the new segment is on the device.
      touched_ = true;
      TRY(swap_->fresh->rename_files(kSwapSuffix));
      swap_->stage = Swap::Stage::kToReplace;
      return true;
    case Swap::Stage::kToReplace:
      TRY(replace_segments());
      swap_->stage = Swap::Stage::kToBeRenamed;
      return true;
    case Swap::Stage::kToBeRenamed:
      TRY(segments_[segment_index(segment.base_offset)]->rename_files({}));
      swap_->stage = Swap::Stage::kDone;
      // Before anything else of a compaction may come: beside new unfinished files this one, found under its old name,
      // would be taken for a part of them and removed.
      return true;
    case Swap::Stage::kDone:
      break;
  }
  swap_.reset();
  return false;
}

Result<> Log::replace_segments() {
  Swap& swap = *swap_;
  if (swap.fresh != nullptr) {
    const auto first = std::ranges::find(segments_, swap.segment.base_offset, &Segment::base_offset);
    auto last = first;
    while (last + 1 != segments_.end() && (*last)->base_offset() < swap.segment.last_base_offset) ++last;
    CHECK(first != segments_.end() && (*last)->base_offset() == swap.segment.last_base_offset);
    for (auto at = last + 1; at != first;) swap.replaced.push_back(std::move(*--at));
    *first = std::move(swap.fresh);
    segments_.erase(first + 1, last + 1);
    last_bound_ = {};
  }
  while (!swap.replaced.empty()) {
    Segment& old = *swap.replaced.back();
    TRY(delete_segment_files(old));
    // A snapshot stays as long as there is a segment of its name.
    if (old.base_offset() != swap.segment.base_offset) remove_snapshot(old.base_offset());
    swap.replaced.pop_back();
  }
  return {};
}

// What is in the way of a change of the segments: a swap that has begun is brought to its end at once.
Result<> Log::cancel_compaction() {
  while (swap_) {
    TRY_ASSIGN(const bool to_be_synced, swap_in(CompactedSegment(swap_->segment)));
    if (to_be_synced) TRY(files_.disk().sync_directory(directory()));
  }
  compacting_ = false;
  return {};
}

void Log::end_compaction(std::optional<Offset> cleaned_before) {
  CHECK(!swap_, "a swap of {} is not finished", directory());
  // After a truncation it says nothing of what came since.
  if (compacting_ && cleaned_before) cleaned_before_ = cleaned_before;
  compacting_ = false;
}

}  // namespace weir::storage
