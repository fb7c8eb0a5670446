#include "broker/log_dirs.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.h"
#include "base/sync.h"
#include "broker/partition/partition.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using storage::CheckpointKind;
using storage::OffsetCheckpoint;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// A checkpoint that cannot be read is an empty one: the logs are then recovered in full, which loses nothing but time.
Result<OffsetCheckpoint> read_or_empty(storage::LogDirectory& directory, CheckpointKind kind) {
  Result<OffsetCheckpoint> checkpoint = directory.read_checkpoint(kind);
  if (!checkpoint && checkpoint.error().code == Errc::kCorrupt) {
    log_warn("log-dirs", "a checkpoint cannot be read and is ignored", kv("why", checkpoint.error().message));
    return OffsetCheckpoint{};
  }
  return checkpoint;
}

// 32 hexadecimal digits that keep generations of one folder apart.
std::string unique_suffix(Random& random) { return fmt::format("{:016x}{:016x}", random.next(), random.next()); }

}  // namespace

CheckpointedPartition checkpoint_of(Partition& partition) {
  const storage::Log& log = partition.log();
  return {.directory = parent_of(log.directory()),
          .partition = log.partition(),
          .recovery_point = log.recovery_point(),
          .high_watermark = partition.high_watermark(),
          .log_start_offset = log.log_start_offset(),
          .log_start_is_ahead = log.log_start_offset() > log.first_segment_offset() || partition.is_removing_segments(),
          .cleaned_before = log.cleaned_before()};
}

Result<> LogDirs::open() {
  for (const std::string& path : paths_) TRY(open_directory(path));
  return {};
}

Result<> LogDirs::open_directory(const std::string& path) {
  const auto not_formatted = [&](std::string_view what) {
    return fail(
        Errc::kNotFound,
        fmt::format("{} {}: run `weir format --standalone -t CLUSTER_ID -c FILE` for the first node of a cluster "
                    "(`weir random-uuid` makes an id)",
                    path, what));
  };
  const Result<FileInfo> there = node_.seams.disk.stat(path);
  if (!there && there.error().code == Errc::kNotFound) return not_formatted("does not exist");
  if (there && !there->is_directory) return fail(Errc::kInvalidArgument, path + " is no directory");
  auto directory = std::make_unique<Directory>();
  TRY_ASSIGN(directory->files, storage::LogDirectory::open(node_.seams.disk, path));
  const Result<storage::MetaProperties> properties = directory->files->read_meta_properties();
  if (!properties && properties.error().code == Errc::kNotFound) return not_formatted("is not formatted");
  if (!properties) return std::unexpected(properties.error());
  if (properties->node_id != node_.node_id) {
    return fail(Errc::kInvalidArgument, fmt::format("{} belongs to node {}, this is node {}", path,
                                                    properties->node_id.value(), node_.node_id.value()));
  }
  if (!cluster_id_.empty() && properties->cluster_id != cluster_id_) {
    return fail(Errc::kInvalidArgument,
                fmt::format("{} belongs to cluster {}, {} to cluster {}", path, properties->cluster_id,
                            directories_.front()->files->path(), cluster_id_));
  }
  cluster_id_ = properties->cluster_id;
  directory->id = properties->directory_id.value_or(kZeroUuid);
  TRY_ASSIGN(directory->clean_epoch, directory->files->take_clean_shutdown());
  TRY(read_checkpoints(*directory));
  TRY(look_through(*directory));
  directories_.push_back(std::move(directory));
  return {};
}

Result<> LogDirs::read_checkpoints(Directory& directory) {
  TRY_ASSIGN(const auto recovery_points, read_or_empty(*directory.files, CheckpointKind::kRecoveryPoint));
  TRY_ASSIGN(const auto high_watermarks, read_or_empty(*directory.files, CheckpointKind::kHighWatermark));
  TRY_ASSIGN(const auto log_starts, read_or_empty(*directory.files, CheckpointKind::kLogStart));
  TRY_ASSIGN(const auto cleaned, read_or_empty(*directory.files, CheckpointKind::kCleaner));
  for (const auto& [partition, offset] : recovery_points) directory.not_served[partition].recovery_point = offset;
  for (const auto& [partition, offset] : high_watermarks) directory.not_served[partition].high_watermark = offset;
  for (const auto& [partition, offset] : log_starts) directory.not_served[partition].log_start = offset;
  for (const auto& [partition, offset] : cleaned) directory.not_served[partition].cleaned_before = offset;
  return {};
}

Result<> LogDirs::look_through(Directory& directory) {
  TRY_ASSIGN(const auto listed, directory.files->list_partitions());
  std::set<storage::TopicPartition> live;
  for (const auto& entry : listed) {
    if (entry.directory.kind == storage::DirectoryKind::kLive) live.insert(entry.directory.partition);
    // Nobody reads from what the last run had marked: it goes at once.
    if (entry.directory.kind == storage::DirectoryKind::kDeleted) TRY(node_.seams.disk.remove_recursively(entry.path));
  }
  directory.logs = live.size();
  std::erase_if(directory.not_served, [&](const auto& entry) { return !live.contains(entry.first); });
  return {};
}

std::vector<Uuid> LogDirs::directory_ids() const {
  std::vector<Uuid> ids;
  for (const auto& directory : directories_) ids.push_back(directory->id);
  return ids;
}

BrokerEpoch LogDirs::previous_epoch() const {
  BrokerEpoch least{INT64_MAX};
  for (const auto& directory : directories_) least = std::min(least, directory->clean_epoch.value_or(BrokerEpoch(-1)));
  return least;
}

Task<LogDirs::Place> LogDirs::place(storage::TopicPartition partition) {
  for (const auto& directory : directories_) {
    std::string path = directory->files->partition_path(partition);
    if (!node_.seams.disk.stat(path)) continue;
    const auto known = directory->not_served.find(partition);
    const bool is_known = known != directory->not_served.end();
    co_return Place{directory.get(), std::move(path), is_known ? known->second : LastRun{}};
  }
  Directory& emptiest =
      **std::ranges::min_element(directories_, {}, [](const auto& directory) { return directory->logs; });
  ++emptiest.logs;
  co_return Place{&emptiest, emptiest.files->partition_path(partition), {}};
}

Task<Result<OpenedLog>> LogDirs::open_log(BrokerShard& shard, storage::TopicPartition partition, Uuid topic_id,
                                          storage::LogConfig config) {
  const Place found = co_await call_on(loop_, [this, partition] { return place(partition); });
  Directory& directory = *found.directory;
  storage::LogOptions options{.disk = node_.seams.disk,
                              .files = shard.files(),
                              .directory = found.path,
                              .partition = partition,
                              .topic_id = topic_id,
                              .config = config,
                              .was_clean = directory.clean_epoch.has_value(),
                              .recovery_point = found.last_run.recovery_point,
                              .log_start_offset = found.last_run.log_start.value_or(Offset(0)),
                              .cleaned_before = found.last_run.cleaned_before,
                              .now = node_.seams.clock.wall()};
  auto log = co_await node_.seams.disk_threads.run(
      [this, options = std::move(options), &directory] { return open_or_replace(options, directory); });
  if (!log) {
    co_await call_on(loop_, [&] { return note_failed(directory, partition); });
    co_return std::unexpected(std::move(log).error());
  }
  co_return OpenedLog{*std::move(log), found.last_run.high_watermark};
}

// Records that a killed process had not flushed are shown, and known repeats of them acknowledged, only after the flush
// that the settings ask for: they could still be lost with the power.
Result<std::unique_ptr<storage::Log>> LogDirs::open_flushed(const storage::LogOptions& options) {
  TRY_ASSIGN(auto log, storage::Log::open(options));
  if (log->flush_need(options.now) != storage::FlushNeed::kAll) return log;
  TRY_ASSIGN(const storage::FlushJob job, log->start_flush(storage::FlushNeed::kAll, options.now));
  const Result<> flushed = job.run();
  log->finish_flush(job, flushed);
  TRY(flushed);
  return log;
}

Task<void> LogDirs::note_failed(Directory& directory, storage::TopicPartition partition) {
  directory.failed.insert(std::move(partition));
  co_return;
}

Task<void> LogDirs::are_served(std::vector<storage::TopicPartition> partitions) {
  co_await call_on(loop_, [&]() -> Task<void> {
    for (const auto& directory : directories_) {
      for (const storage::TopicPartition& partition : partitions) {
        directory->failed.erase(partition);
        directory->not_served.erase(partition);
      }
    }
    co_return;
  });
}

Task<std::vector<CheckpointedPartition>> LogDirs::not_served() {
  return call_on(loop_, [this] { return checkpointed_of_last_run(); });
}

Task<std::vector<CheckpointedPartition>> LogDirs::checkpointed_of_last_run() {
  std::vector<CheckpointedPartition> all;
  for (const auto& directory : directories_) {
    for (const auto& [partition, last_run] : directory->not_served) {
      all.push_back({.directory = directory->files->path(),
                     .partition = partition,
                     .recovery_point = last_run.recovery_point,
                     .high_watermark = last_run.high_watermark,
                     .log_start_offset = last_run.log_start.value_or(Offset(0)),
                     .log_start_is_ahead = last_run.log_start.has_value(),
                     .cleaned_before = last_run.cleaned_before});
    }
  }
  co_return all;
}

Result<std::unique_ptr<storage::Log>> LogDirs::open_or_replace(storage::LogOptions options, Directory& directory) {
  auto log = open_flushed(options);
  if (log || log.error().code != Errc::kInvalidArgument) return log;
  // The folder is of an older topic with this name, which the metadata do not know any more: keep it, out of the way.
  const std::string aside = directory.files->path() + "/" +
                            storage::marked_directory_name(options.partition, unique_suffix(node_.seams.random),
                                                           storage::DirectoryKind::kStray);
  log_warn("log-dirs", "a folder of another topic of this name is put aside", kv("folder", options.directory),
           kv("now", aside));
  TRY(node_.seams.disk.rename(options.directory, aside));
  options.recovery_point = options.log_start_offset = Offset(0);
  options.cleaned_before.reset();
  return storage::Log::open(options);
}

Task<void> LogDirs::delete_log(std::shared_ptr<Partition> partition) {
  const Duration delay = partition->log().config().file_delete_delay;
  const std::unique_ptr<storage::Log> log = co_await partition->release();
  const std::string path = log->directory();
  const std::string marked = parent_of(path) + "/" +
                             storage::marked_directory_name(log->partition(), unique_suffix(node_.seams.random),
                                                            storage::DirectoryKind::kDeleted);
  Disk& disk = node_.seams.disk;
  const Result<> renamed =
      co_await node_.seams.disk_threads.run([&disk, path, marked] { return disk.rename(path, marked); });
  if (!renamed) {
    log_error("log-dirs", "the folder of a deleted partition cannot be renamed", kv("why", renamed.error().message));
    co_return;
  }
  Loop::current().spawn(remove_later(marked, delay));
}

Task<void> LogDirs::remove_later(std::string folder, Duration delay) {
  co_await sleep_for(delay);
  Disk& disk = node_.seams.disk;
  const Result<> removed =
      co_await node_.seams.disk_threads.run([&disk, folder] { return disk.remove_recursively(folder); });
  if (!removed)
    log_warn("log-dirs", "the folder of a deleted partition cannot be removed", kv("why", removed.error().message));
}

Result<> LogDirs::write_checkpoints(const std::vector<CheckpointedPartition>& partitions, Checkpoints which) {
  for (const auto& directory : directories_) {
    OffsetCheckpoint recovery_points;
    OffsetCheckpoint high_watermarks;
    OffsetCheckpoint log_starts;
    OffsetCheckpoint cleaned;
    for (const CheckpointedPartition& partition : partitions) {
      if (partition.directory != directory->files->path()) continue;
      high_watermarks[partition.partition] = partition.high_watermark;
      recovery_points[partition.partition] = partition.recovery_point;
      log_starts.erase(partition.partition);
      if (partition.log_start_is_ahead) log_starts[partition.partition] = partition.log_start_offset;
      cleaned.erase(partition.partition);
      if (partition.cleaned_before) cleaned[partition.partition] = *partition.cleaned_before;
    }
    const auto write = [&](CheckpointKind kind, OffsetCheckpoint& now,
                           std::optional<OffsetCheckpoint>& written) -> Result<> {
      if (written == now) return {};
      TRY(directory->files->write_checkpoint(kind, now));
      written = std::move(now);
      return {};
    };
    const auto wanted = [&](Checkpoints one) { return which == one || which == Checkpoints::kAll; };
    if (wanted(Checkpoints::kHighWatermarks))
      TRY(write(CheckpointKind::kHighWatermark, high_watermarks, directory->written_high_watermarks));
    if (wanted(Checkpoints::kRecoveryPoints))
      TRY(write(CheckpointKind::kRecoveryPoint, recovery_points, directory->written_recovery_points));
    if (wanted(Checkpoints::kLogStarts))
      TRY(write(CheckpointKind::kLogStart, log_starts, directory->written_log_starts));
    if (wanted(Checkpoints::kCleaned)) TRY(write(CheckpointKind::kCleaner, cleaned, directory->written_cleaned));
  }
  return {};
}

Result<> LogDirs::mark_clean(BrokerEpoch epoch) {
  for (const auto& directory : directories_) {
    if (directory->failed.empty()) TRY(directory->files->write_clean_shutdown(epoch));
  }
  return {};
}

}  // namespace weir::broker
