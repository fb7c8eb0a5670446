#include "storage/log_loader.h"

#include <fmt/format.h>

#include "base/log.h"
#include "storage/end_transaction.h"
#include "storage/file_names.h"
#include "storage/partition_metadata.h"

namespace weir::storage {

Result<> LogLoader::load() {
  TRY(list_files());
  TRY(check_topic_id());
  TRY(remove_leftovers());
  TRY(complete_swaps());
  TRY(collect_segments());
  TRY(load_epochs());
  TRY(recover_segments());
  return settle_ends();
}

Result<> LogLoader::list_files() {
  Result<std::vector<FileInfo>> files = disk_.list(options_.directory);
  if (!files && files.error().code == Errc::kNotFound) {
    TRY(disk_.create_directories(options_.directory));
    files.emplace();
  }
  if (!files) return std::unexpected(std::move(files).error());
  names_.clear();
  for (FileInfo& file : *files) {
    if (!file.is_directory) names_.emplace(file.name, std::move(file));
  }
  return {};
}

Result<> LogLoader::check_topic_id() {
  if (!names_.contains(std::string(kPartitionMetadataFile))) {
    if (options_.topic_id.is_zero()) return {};
    TRY(write_partition_metadata(disk_, options_.directory, options_.topic_id));
    // In an empty folder the names of the first segment follow.
    return names_.empty() ? Result<>() : disk_.sync_directory(options_.directory);
  }
  TRY_ASSIGN(Uuid found, read_partition_metadata(disk_, options_.directory));
  if (options_.topic_id.is_zero()) log_.topic_id_ = found;
  if (options_.topic_id.is_zero() || options_.topic_id == found) return {};
  return fail(Errc::kInvalidArgument, fmt::format("{} belongs to topic id {}, not {}", options_.directory,
                                                  found.to_string(), options_.topic_id.to_string()));
}

Result<> LogLoader::remove(const std::string& name) {
  TRY(disk_.remove(path(name)));
  names_.erase(name);
  return {};
}

// ------------------------------------------------------------------------------------------------- interrupted changes

// Deleted files, unfinished copies, and finished copies that an unfinished one belongs with.
Result<> LogLoader::remove_leftovers() {
  std::optional<Offset> lowest_cleaned;
  for (const auto& [name, info] : names_) {
    const auto parsed = parse_offset_file(name);
    if (!parsed || !parsed->suffix.ends_with(kCleanedSuffix)) continue;
    if (!lowest_cleaned || parsed->offset < *lowest_cleaned) lowest_cleaned = parsed->offset;
  }
  std::vector<std::string> doomed;
  for (const auto& [name, info] : names_) {
    const auto parsed = parse_offset_file(name);
    if (!parsed) continue;
    const bool undone_swap =
        lowest_cleaned && parsed->suffix.ends_with(kSwapSuffix) && parsed->offset >= *lowest_cleaned;
    if (undone_swap || parsed->suffix.ends_with(kCleanedSuffix) || parsed->suffix.ends_with(kDeletedSuffix)) {
      doomed.push_back(name);
    }
  }
  // Finished copies first, and durably: one that outlives the unfinished ones would be taken for a whole.
  std::ranges::partition(doomed, [](const std::string& name) { return name.ends_with(kSwapSuffix); });
  for (size_t i = 0; i < doomed.size(); ++i) {
    const bool first_of_others = i > 0 && doomed[i - 1].ends_with(kSwapSuffix) && !doomed[i].ends_with(kSwapSuffix);
    if (first_of_others) TRY(disk_.sync_directory(options_.directory));
    TRY(remove(doomed[i]));
  }
  return {};
}

Result<> LogLoader::complete_swaps() {
  std::vector<Offset> bases;
  std::vector<std::string> swapped;
  for (const auto& [name, info] : names_) {
    const auto parsed = parse_offset_file(name);
    if (!parsed || !parsed->suffix.ends_with(kSwapSuffix)) continue;
    swapped.push_back(name);
    if (parsed->suffix == fmt::format("{}{}", kLogSuffix, kSwapSuffix)) bases.push_back(parsed->offset);
  }
  for (Offset base : bases) TRY(complete_swap(base));
  // The old ones are gone for good before the new ones are in their place: never do both come back.
  if (!bases.empty()) TRY(disk_.sync_directory(options_.directory));
  for (const std::string& name : swapped) {
    TRY(disk_.rename(path(name), path(name.substr(0, name.size() - kSwapSuffix.size()))));
  }
  if (swapped.empty()) return {};
  TRY(disk_.sync_directory(options_.directory));
  return list_files();
}

// The compacted copy at `base` replaces the segments in its range of offsets.
Result<> LogLoader::complete_swap(Offset base) {
  const std::string name = fmt::format("{:020}{}{}", base.value(), kLogSuffix, kSwapSuffix);
  TRY_ASSIGN(std::shared_ptr<File> file, disk_.open(path(name), OpenMode::kRead));
  EntryScanner scanner(*file, 0, names_.at(name).size, kHeaderChunk);
  Offset end = base + 1;
  while (true) {
    TRY_ASSIGN(std::optional<Entry> entry, scanner.next());
    if (!entry) break;
    end = entry->last_offset + 1;
  }
  std::vector<std::string> replaced;
  for (const auto& [old_name, info] : names_) {
    const auto parsed = parse_offset_file(old_name);
    if (!parsed || parsed->offset < base || parsed->offset >= end) continue;
    for (std::string_view suffix : kSegmentSuffixes) {
      if (parsed->suffix == suffix) replaced.push_back(old_name);
    }
  }
  for (const std::string& old_name : replaced) TRY(remove(old_name));
  return {};
}

// ------------------------------------------------------------------------------------------------------------ segments

Result<> LogLoader::collect_segments() {
  std::vector<std::string> orphans;
  for (const auto& [name, info] : names_) {
    const auto parsed = parse_offset_file(name);
    if (!parsed) continue;
    if (parsed->suffix == kSnapshotSuffix) log_.snapshots_.push_back(parsed->offset);
    const std::string stem = name.substr(0, name.size() - parsed->suffix.size());
    auto size_of = [&](std::string_view suffix) -> std::optional<uint64_t> {
      const auto found = names_.find(stem + std::string(suffix));
      return found == names_.end() ? std::nullopt : std::optional(found->second.size);
    };
    const bool is_index = parsed->suffix == kOffsetIndexSuffix || parsed->suffix == kTimeIndexSuffix ||
                          parsed->suffix == kTransactionIndexSuffix;
    if (is_index && !size_of(kLogSuffix)) orphans.push_back(name);
    if (parsed->suffix != kLogSuffix) continue;
    log_.segments_.push_back(
        std::make_unique<Segment>(log_.files_, parsed->offset,
                                  Segment::FileSizes{.log = info.size,
                                                     .offset_index = size_of(kOffsetIndexSuffix),
                                                     .time_index = size_of(kTimeIndexSuffix),
                                                     .transaction_index = size_of(kTransactionIndexSuffix),
                                                     .modified = info.modified}));
  }
  for (const std::string& name : orphans) TRY(remove(name));
  return {};
}

Result<> LogLoader::load_epochs() {
  if (!names_.contains(std::string(kLeaderEpochFile))) return {};
  TRY_ASSIGN(std::string text, disk_.read_file(path(std::string(kLeaderEpochFile))));
  Result<LeaderEpochs> epochs = LeaderEpochs::parse(text);
  if (epochs) {
    log_.epochs_ = std::move(*epochs);
    return {};
  }
  // All of it can be found in the batches.
  log_warn("log", "the leader epochs are read from the records anew", kv("partition", options_.partition),
           kv("error", epochs.error().message));
  epochs_damaged_ = true;
  return {};
}

Result<> LogLoader::drop_segments_behind(size_t last) {
  while (log_.segments_.size() > last + 1) {
    Segment& segment = log_.active();
    log_warn("log", "dropped a segment behind a torn one", kv("partition", options_.partition),
             kv("base_offset", segment.base_offset()));
    TRY(segment.mark_deleted(log_.deletions_.renamed));
    log_.segments_.pop_back();
  }
  return {};
}

// A roll that failed for want of room, or a crash in it, leaves an empty segment behind while the log went on in the
// one before, beyond the offset that the empty one is named after. Nothing is lost with one that holds nothing.
Result<> LogLoader::drop_empty_segments() {
  // Not the first: one that lost its records to a loss of power says where the log begins, and that what follows it has
  // a gap before it.
  for (size_t i = log_.segments_.size(); i-- > 1;) {
    if (log_.segments_[i]->size() > 0) continue;
    TRY(log_.segments_[i]->mark_deleted(log_.deletions_.renamed));
    log_.segments_.erase(log_.segments_.begin() + static_cast<ptrdiff_t>(i));
  }
  return {};
}

Result<> LogLoader::recover_segments() {
  if (log_.segments_.empty()) return {};
  if (!options_.was_clean) TRY(drop_empty_segments());
  if (options_.was_clean && !epochs_damaged_) return recover_unindexed();
  size_t first = epochs_damaged_ ? 0 : log_.segment_index(options_.recovery_point);
  // Segments before are on the device, but a crash may have torn the indexes of the one that was closed last.
  for (size_t i = 0; i < first; ++i) {
    const std::string stem = fmt::format("{:020}", log_.segments_[i]->base_offset().value());
    bool sane = names_.contains(stem + std::string(kOffsetIndexSuffix));
    if (sane && i + 1 == first) {
      TRY_ASSIGN(sane, log_.segments_[i]->indexes_sane());
    }
    if (sane && !log_.segments_[i]->aborted()) sane = false;
    if (!sane) first = i;
  }
  return recover_from(first);
}

// A clean log whose indexes are missing or unreadable: only those segments are read.
Result<> LogLoader::recover_unindexed() {
  for (size_t i = 0; i < log_.segments_.size(); ++i) {
    Segment& segment = *log_.segments_[i];
    const std::string stem = fmt::format("{:020}", segment.base_offset().value());
    if (names_.contains(stem + std::string(kOffsetIndexSuffix)) && segment.aborted()) continue;
    TRY_ASSIGN(bool cut, recover_segment(segment, segment.base_offset()));
    if (cut) return drop_segments_behind(i);
  }
  return {};
}

Result<> LogLoader::recover_from(size_t first) {
  for (size_t i = first; i < log_.segments_.size(); ++i) {
    Segment& segment = *log_.segments_[i];
    // When the power fails, a file may lose its unsynced tail while a later one keeps its own. Only compaction makes
    // gaps for good reason; elsewhere what follows one must not be served as if nothing were missing.
    if (i > first && !options_.config.compacts && segment.base_offset() > log_.producers_.end()) {
      return drop_segments_behind(i - 1);
    }
    TRY_ASSIGN(bool cut, recover_segment(segment, segment.base_offset()));
    if (cut) return drop_segments_behind(i);
  }
  return {};
}

Result<bool> LogLoader::recover_segment(Segment& segment, Offset from) {
  log_.touched_ = true;
  if (segment.size() > 0) {
    log_info("log", "recovering a segment", kv("partition", options_.partition), kv("base_offset", from),
             kv("bytes", segment.size()));
  }
  // The transaction index names transactions that began in earlier segments.
  log_.log_start_offset_ = std::max(options_.log_start_offset, log_.first_segment_offset());
  ProducerState& producers = log_.producers_;
  TRY(log_.load_newest_snapshot(from, options_.now));
  TRY(log_.replay_producers(from));
  producers.set_end(from);
  return segment.recover(from, log_.limits(), [&](const Entry& entry, EntryScanner& scanner) -> Result<> {
    producers.set_end(entry.last_offset + 1);
    if (!entry.header) return {};
    if (const LeaderEpoch epoch = entry.header->leader_epoch(); epoch > log_.epochs_.latest()) {
      log_.epochs_.assign(epoch, entry.base_offset);
      log_.epochs_unsaved_ = true;
    }
    if (!entry.header->has_producer()) return {};
    TRY_ASSIGN(ByteView whole, scanner.bytes(entry));
    const protocol::RecordBatch batch(whole);
    if (!batch.is_control()) {
      producers.note(batch, batch.base_offset());
      return {};
    }
    TRY_ASSIGN(std::optional<EndTransaction> marker, read_end_transaction(batch));
    if (!marker) return {};
    const auto aborted =
        producers.note_marker(batch.producer_id(), batch.producer_epoch(), batch.base_offset(), *marker);
    if (aborted) segment.add_aborted(*aborted);
    return {};
  });
}

// ---------------------------------------------------------------------------------------------------------------- ends

Result<> LogLoader::settle_ends() {
  bool changed = !options_.was_clean;
  if (!log_.segments_.empty()) {
    TRY_ASSIGN(log_.log_end_offset_, log_.active().next_offset());
    if (options_.log_start_offset > log_.log_end_offset_) {
      log_warn("log", "all records are below the log start", kv("partition", options_.partition));
      while (!log_.segments_.empty()) {
        TRY(log_.active().mark_deleted(log_.deletions_.renamed));
        log_.segments_.pop_back();
      }
    }
  }
  // What a killed process made and did not sync may still be in the page cache only.
  log_.directory_unsynced_ |= !options_.was_clean;
  if (log_.segments_.empty()) {
    changed = true;
    const Offset start = std::max(options_.log_start_offset, Offset(0));
    // The folder's own name first: records that are flushed in it are lost with it.
    const size_t slash = options_.directory.rfind('/');
    if (!options_.name_is_synced_later && slash != std::string::npos) {
      TRY(disk_.sync_directory(options_.directory.substr(0, std::max(slash, size_t{1}))));
    }
    TRY_ASSIGN(auto segment, Segment::create(log_.files_, start, options_.now));
    log_.segments_.push_back(std::move(segment));
    log_.log_end_offset_ = start;
    TRY(log_.reserve_room());
    TRY(disk_.sync_directory(options_.directory));
    log_.directory_unsynced_ = false;
  }
  log_.name_may_be_unsynced_ = changed && options_.name_is_synced_later;
  const Offset end = log_.log_end_offset_;
  log_.log_start_offset_ = std::max(options_.log_start_offset, log_.first_segment_offset());
  log_.recovery_point_ = changed ? std::min(options_.recovery_point, end) : end;
  // A killed process left them to the kernel, which may not have written them yet.
  log_.unflushed_records_ = end - log_.recovery_point_;
  const bool epochs_cut = log_.epochs_.truncate_from_start(log_.log_start_offset_);
  log_.epochs_unsaved_ |= epochs_cut;
  log_.epochs_unsaved_ |= log_.epochs_.truncate_from_end(end);
  // Known before the log is on a loop: an append may ask for either, and must not wait for the device.
  TRY(log_.active().max_timestamp());
  TRY(log_.active().first_timestamp());
  std::ranges::sort(log_.snapshots_);
  log_.keep_snapshots_for_segments();
  log_.producers_.clear();
  log_.producers_.set_end(Offset(-1));
  TRY(log_.rebuild_producers(end, options_.was_clean, options_.now));
  // A log that was just made holds nothing that could be lost, and its names are on the device.
  log_.touched_ |= (end > Offset(0) && !options_.was_clean) || epochs_cut || !log_.unsynced_snapshots_.empty();
  return {};
}

// ---------------------------------------------------------------------------------------------------------------- open

Log::Log(LogOptions& options)
    : config_(options.config),
      partition_(std::move(options.partition)),
      topic_id_(options.topic_id),
      pool_(options.files),
      files_(options.disk, options.directory),
      cleaned_before_(options.cleaned_before) {}

Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(LogOptions options) {
  std::unique_ptr<Log> log(new Log(options));
  options.partition = log->partition_;
  TRY(LogLoader(*log, options).load());
  for (const auto& segment : log->segments_) segment->close_files();
  log->files_.attach(&log->pool_);
  return log;
}

}  // namespace weir::storage
