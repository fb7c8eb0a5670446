#include "storage/compaction.h"

#include <fmt/format.h>

#include "storage/batch_checks.h"
#include "storage/file_names.h"

namespace weir::storage {
namespace {

// Keys whose places are fetched from memory at once.
constexpr size_t kLookahead = 16;

uint64_t keys_max_of(const CompactionPlan& plan) {
  return static_cast<uint64_t>(std::max<int64_t>(plan.first_uncleanable - plan.first_dirty, 0));
}

}  // namespace

Compaction::Compaction(Disk& disk, CompactionPlan plan, const CompactionMemory& memory)
    : disk_(disk),
      plan_(std::move(plan)),
      memory_(memory),
      files_(disk, plan_.directory),
      map_(memory.map_bytes, memory.map_load_factor, keys_max_of(plan_), plan_.first_dirty),
      mapped_transactions_(plan_.aborted),
      mapped_before_(plan_.first_dirty),
      sources_end_(plan_.segments.size()) {
  // The segment that holds the first dirty offset, or would.
  while (next_source_ + 1 < sources_end_ && plan_.segments[next_source_ + 1].base_offset <= plan_.first_dirty) {
    ++next_source_;
  }
}

Compaction::~Compaction() = default;

Result<Compaction::Step> Compaction::step(size_t bytes) {
  if (!mapping_) return copy_some(bytes);
  TRY(map_some(bytes));
  if (!mapping_) begin_copying();
  return Step::kMore;
}

Result<std::optional<Entry>> Compaction::next_entry() {
  while (next_source_ < sources_end_) {
    const SourceSegment& source = plan_.segments[next_source_];
    if (!scanner_) {
      TRY_ASSIGN(source_, disk_.open(offset_file(plan_.directory, source.base_offset, kLogSuffix), OpenMode::kRead));
      scanner_.emplace(*source_, 0, source.sizes.log, memory_.io_buffer_bytes);
    }
    TRY_ASSIGN(std::optional<Entry> entry, scanner_->next());
    if (entry) {
      if (!entry->header) {
        return fail(Errc::kUnsupported,
                    fmt::format("{} has messages of magic {}, which are not compacted",
                                offset_file(plan_.directory, source.base_offset, kLogSuffix), int{entry->magic}));
      }
      stats_.bytes_read += entry->size;
      return entry;
    }
    scanner_.reset();
    source_.reset();
    ++next_source_;
    // Offsets that no record has any more were seen too.
    const Offset next =
        next_source_ < plan_.segments.size() ? plan_.segments[next_source_].base_offset : plan_.first_uncleanable;
    if (mapping_) mapped_before_ = std::max(mapped_before_, next);
  }
  return std::nullopt;
}

// --------------------------------------------------------------------------------------------------------------- map

Result<> Compaction::map_some(size_t bytes) {
  const uint64_t until = stats_.bytes_read + bytes;
  while (stats_.bytes_read < until && !map_full_) {
    TRY_ASSIGN(const std::optional<Entry> entry, next_entry());
    if (!entry) {
      mapping_ = false;
      return {};
    }
    TRY(map_entry(*entry));
  }
  mapping_ = !map_full_;
  return {};
}

Result<> Compaction::map_entry(const Entry& entry) {
  if (entry.last_offset < plan_.first_dirty) return {};
  if (entry.header->is_control()) {
    TRY_ASSIGN(const ByteView whole, scanner_->bytes(entry));
    TRY(mapped_transactions_.take_marker(protocol::RecordBatch(whole)));
  } else if (!mapped_transactions_.is_aborted(*entry.header) && entry.header->record_count() > 0) {
    TRY_ASSIGN(const ByteView whole, scanner_->bytes(entry));
    TRY(map_records(protocol::RecordBatch(whole)));
  }
  if (!map_full_) mapped_before_ = entry.last_offset + 1;
  return {};
}

Result<> Compaction::map_records(const protocol::RecordBatch& batch) {
  if (!batch.crc_matches()) {
    return fail(Errc::kCorrupt, fmt::format("the crc of the batch at offset {} is wrong", batch.base_offset().value()));
  }
  TRY_ASSIGN(protocol::OpenBatch open, protocol::open_batch(batch, kOpenedBatchSizeMax));
  struct Waiting {
    KeyHash key;
    Offset offset;
  };
  std::array<Waiting, kLookahead> waiting;
  for (bool more = true; more;) {
    size_t count = 0;
    while (count < kLookahead && more) {
      TRY_ASSIGN(const std::optional<protocol::Record> record, open.cursor.next());
      more = record.has_value();
      if (!more || !record->key || record->offset < plan_.first_dirty) continue;
      waiting[count] = {hash_key(*record->key, memory_.seed), record->offset};
      map_.prefetch(waiting[count++].key);
    }
    for (size_t i = 0; i < count; ++i) {
      if (!map_.put(waiting[i].key, waiting[i].offset)) {
        map_full_ = true;
        return {};
      }
      mapped_before_ = waiting[i].offset + 1;
    }
  }
  return {};
}

// -------------------------------------------------------------------------------------------------------------- copy

void Compaction::begin_copying() {
  stats_.bytes_mapped = stats_.bytes_read;
  stats_.keys = map_.size();
  stats_.map_used = map_.used();
  scanner_.reset();
  groups_ = group_segments(plan_, mapped_before_);
  const FilterRules rules{.mapped_before = mapped_before_,
                          .round_end = plan_.first_uncleanable,
                          .now = plan_.now,
                          .delete_horizon = plan_.now + plan_.config.delete_retention_time.count()};
  filter_.emplace(map_, memory_.seed, plan_.producers, std::move(plan_.aborted), rules);
}

Result<Compaction::Step> Compaction::copy_some(size_t bytes) {
  if (group_ == groups_.size()) return Step::kDone;
  if (cleaned_ == nullptr) TRY(begin_group());
  const uint64_t until = stats_.bytes_read + bytes;
  while (stats_.bytes_read < until) {
    TRY_ASSIGN(const std::optional<Entry> entry, next_entry());
    if (!entry) {
      TRY(finish_group());
      return Step::kSegment;
    }
    TRY(copy_entry(*entry));
  }
  return Step::kMore;
}

Result<> Compaction::begin_group() {
  const SegmentGroup& group = groups_[group_];
  next_source_ = group.first;
  sources_end_ = group.first + group.count;
  const Offset base = plan_.segments[group.first].base_offset;
  // What an attempt that failed left; a transaction index of it would be taken for this one's.
  TRY(Segment(files_, base, {}, kCleanedSuffix).remove_files());
  TRY_ASSIGN(cleaned_, Segment::create(files_, base, plan_.segments[sources_end_ - 1].sizes.modified, kCleanedSuffix));
  return {};
}

Result<> Compaction::copy_entry(const Entry& entry) {
  TRY_ASSIGN(const ByteView whole, scanner_->bytes(entry));
  TRY_ASSIGN(const BatchFilter::Outcome outcome, filter_->filter(protocol::RecordBatch(whole)));
  if (outcome.aborted) cleaned_->add_aborted(*outcome.aborted);
  if (outcome.bytes.empty()) return {};
  const protocol::RecordBatch kept(outcome.bytes);
  out_.insert(out_.end(), outcome.bytes.begin(), outcome.bytes.end());
  out_batches_.push_back({kept.size(), kept.base_offset(), kept.last_offset(), kept.max_timestamp()});
  if (out_.size() >= memory_.io_buffer_bytes) TRY(write_out());
  return {};
}

Result<> Compaction::write_out() {
  if (out_.empty()) return {};
  // Where records get a delete horizon their times take more room. An index cannot name what lies further behind.
  if (cleaned_->size() + out_.size() > INT32_MAX) {
    return fail(Errc::kTooLarge, fmt::format("the compacted segment at {} of {} outgrows its index",
                                             cleaned_->base_offset().value(), plan_.directory));
  }
  const ByteView bytes(out_);
  TRY(cleaned_->write(std::span(&bytes, 1)));
  const SegmentLimits limits{plan_.config.index_size_max, plan_.config.index_interval};
  for (const AppendedBatch& batch : out_batches_) {
    cleaned_->note(batch, plan_.segments[sources_end_ - 1].sizes.modified, limits);
  }
  stats_.bytes_written += out_.size();
  out_.clear();
  out_batches_.clear();
  return {};
}

Result<> Compaction::finish_group() {
  TRY(write_out());
  TRY(cleaned_->finish());
  const Segment::FileSizes sizes = cleaned_->file_sizes();
  // Retention goes by it where records have no time.
  if (sizes.modified != kNoTimestamp) {
    const std::string log = offset_file(plan_.directory, cleaned_->base_offset(), kLogSuffix).append(kCleanedSuffix);
    TRY(disk_.set_modified(log, sizes.modified));
  }
  std::vector<std::shared_ptr<File>> written;
  TRY(cleaned_->add_log_file(written));
  TRY(cleaned_->add_unsynced_indexes(written));
  for (const std::shared_ptr<File>& file : written) TRY(file->sync());
  TRY(disk_.sync_directory(plan_.directory));
  segment_ = CompactedSegment{.base_offset = cleaned_->base_offset(),
                              .last_base_offset = plan_.segments[sources_end_ - 1].base_offset,
                              .sizes = sizes};
  cleaned_->close_files();
  cleaned_.reset();
  ++group_;
  return {};
}

Result<> Compaction::discard() {
  scanner_.reset();
  source_.reset();
  out_.clear();
  out_batches_.clear();
  if (cleaned_ != nullptr) TRY(cleaned_->remove_files());
  cleaned_.reset();
  if (segment_) TRY(Segment(files_, segment_->base_offset, {}, kCleanedSuffix).remove_files());
  segment_.reset();
  return {};
}

}  // namespace weir::storage
