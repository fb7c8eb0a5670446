#include "broker/log_dirs.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/log.h"
#include "base/sync.h"
#include "broker/config/config_value.h"
#include "broker/partition/partition.h"
#include "broker/partition/replica_move.h"
#include "broker/shard.h"
#include "quorum/raft_log.h"

namespace weir::broker {
namespace {

using storage::CheckpointKind;
using storage::DirectoryKind;
using storage::OffsetCheckpoint;
using storage::TopicPartition;

constexpr std::string_view kAllCordoned = "*";

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

// Whether an error leaves one directory out and the others usable. A directory that is there but is not formatted, or
// is somebody else's, is a mistake that the operator must see.
bool leaves_others(Errc code) { return code == Errc::kIo || code == Errc::kCorrupt; }

}  // namespace

std::string parent_directory(const std::string& folder) { return folder.substr(0, folder.rfind('/')); }

void add_checkpoints_of(Partition& partition, std::vector<CheckpointedPartition>& into) {
  const storage::Log& log = partition.log();
  into.push_back(
      {.directory = parent_directory(log.directory()),
       .partition = log.partition(),
       .recovery_point = log.recovery_point(),
       .high_watermark = partition.high_watermark(),
       .log_start_offset = log.log_start_offset(),
       .log_start_is_ahead = log.log_start_offset() > log.first_segment_offset() || partition.is_removing_segments(),
       .cleaned_before = log.cleaned_before()});
  if (const ReplicaMove* move = partition.move()) {
    const ReplicaMove::Progress& copy = move->progress();
    into.push_back({.directory = move->target().directory,
                    .partition = log.partition(),
                    .recovery_point = copy.recovery_point,
                    .high_watermark = std::min(partition.high_watermark(), copy.end),
                    .log_start_offset = copy.start,
                    .log_start_is_ahead = copy.start_is_ahead});
  }
}

// ---------------------------------------------------------------------------------------------------------------- open

Result<> LogDirs::open() {
  for (const std::string& path : paths_) {
    auto directory = std::make_unique<Directory>();
    directory->path = path;
    directory->absolute = node_.seams.disk.absolute_path(path);
    const Result<> opened = open_directory(*directory);
    directory->is_online = opened.has_value();
    if (!opened) {
      if (!leaves_others(opened.error().code) || path == metadata_path_) return opened;
      log_error("log-dirs", "cannot be used and is offline", kv("directory", path), kv("why", opened.error().message));
      directory->files = nullptr;
    }
    directories_.push_back(std::move(directory));
  }
  if (directory_ids().empty()) return weir::fail(Errc::kIo, "none of log.dirs can be used");
  configure({.static_broker = node_.static_settings});
  return {};
}

Result<> LogDirs::open_directory(Directory& directory) {
  const std::string& path = directory.path;
  const auto not_formatted = [&](std::string_view what) {
    return weir::fail(
        Errc::kNotFound,
        fmt::format("{} {}: run `weir format --standalone -t CLUSTER_ID -c FILE` for the first node of a cluster "
                    "(`weir random-uuid` makes an id)",
                    path, what));
  };
  const Result<FileInfo> there = node_.seams.disk.stat(path);
  if (!there && there.error().code == Errc::kNotFound) return not_formatted("does not exist");
  if (there && !there->is_directory) return weir::fail(Errc::kIo, path + " is no directory");
  TRY_ASSIGN(directory.files, storage::LogDirectory::open(node_.seams.disk, path));
  const Result<> owned = check_owner(directory);
  if (!owned && owned.error().code == Errc::kNotFound) return not_formatted("is not formatted");
  TRY(owned);
  TRY_ASSIGN(directory.clean_epoch, directory.files->take_clean_shutdown());
  TRY(read_checkpoints(directory));
  return look_through(directory);
}

Result<> LogDirs::check_owner(Directory& directory) {
  TRY_ASSIGN(storage::MetaProperties properties, directory.files->read_meta_properties());
  if (properties.node_id != node_.node_id) {
    return weir::fail(Errc::kInvalidArgument, fmt::format("{} belongs to node {}, this is node {}", directory.path,
                                                          properties.node_id.value(), node_.node_id.value()));
  }
  if (!cluster_id_.empty() && properties.cluster_id != cluster_id_) {
    return weir::fail(Errc::kInvalidArgument, fmt::format("{} belongs to cluster {}, {} to cluster {}", directory.path,
                                                          properties.cluster_id, directory_of_cluster_, cluster_id_));
  }
  if (cluster_id_.empty()) {
    cluster_id_ = properties.cluster_id;
    directory_of_cluster_ = directory.path;
  }
  // Directories of before there were ids get theirs now: the controller wants to know of each by one.
  if (!properties.directory_id) {
    properties.directory_id = Uuid::random(node_.seams.random);
    TRY(directory.files->write_meta_properties(properties));
  }
  directory.id = *properties.directory_id;
  if (const Directory* other = find(directory.id)) {
    return weir::fail(
        Errc::kInvalidArgument,
        fmt::format("{} and {} have the same directory.id: one is a copy of the other", other->path, directory.path));
  }
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
  std::set<TopicPartition> live;
  for (const auto& entry : listed) {
    if (entry.directory.kind == DirectoryKind::kLive) live.insert(entry.directory.partition);
    if (entry.directory.kind == DirectoryKind::kFuture) directory.futures[entry.directory.partition] = entry.path;
    // Nobody reads from what the last run had marked: it goes at once.
    if (entry.directory.kind == DirectoryKind::kDeleted) TRY(node_.seams.disk.remove_recursively(entry.path));
  }
  directory.logs = live.size() + directory.futures.size();
  std::erase_if(directory.not_served, [&](const auto& entry) {
    return !live.contains(entry.first) && !directory.futures.contains(entry.first);
  });
  return {};
}

// --------------------------------------------------------------------------------------------------------------- state

std::vector<Uuid> LogDirs::directory_ids() const {
  std::vector<Uuid> ids;
  for (const auto& directory : directories_) {
    if (directory->is_online) ids.push_back(directory->id);
  }
  return ids;
}

std::vector<Uuid> LogDirs::cordoned_ids() const {
  std::vector<Uuid> ids;
  for (const auto& directory : directories_) {
    if (directory->is_online && directory->is_cordoned) ids.push_back(directory->id);
  }
  return ids;
}

std::vector<DirectoryState> LogDirs::states() const {
  std::vector<DirectoryState> states;
  for (const auto& directory : directories_) {
    states.push_back(
        {directory->path, directory->absolute, directory->id, directory->is_online, directory->is_cordoned});
  }
  return states;
}

Task<std::vector<DirectoryState>> LogDirs::get_states() {
  return call_on(loop_, [this]() -> Task<std::vector<DirectoryState>> { co_return states(); });
}

BrokerEpoch LogDirs::previous_epoch() const {
  BrokerEpoch least{INT64_MAX};
  for (const auto& directory : directories_) {
    if (directory->is_online) least = std::min(least, directory->clean_epoch.value_or(BrokerEpoch(-1)));
  }
  return least;
}

LogDirs::Directory* LogDirs::find(const std::string& path) {
  const auto found = std::ranges::find(directories_, path, [](const auto& directory) { return directory->path; });
  return found == directories_.end() ? nullptr : found->get();
}

LogDirs::Directory* LogDirs::find(const Uuid& id) {
  const auto found = std::ranges::find(directories_, id, [](const auto& directory) { return directory->id; });
  return found == directories_.end() || !(*found)->is_online ? nullptr : found->get();
}

bool LogDirs::any_offline() const {
  return std::ranges::any_of(directories_, [](const auto& directory) { return !directory->is_online; });
}

void LogDirs::configure(const BrokerLayers& layers) {
  const auto rate =
      parse_integer(broker_value(layers, "replica.alter.log.dirs.io.max.bytes.per.second").value_or(""), 0, INT64_MAX);
  throttle_.set_rate(rate.value_or(INT64_MAX));
  const std::vector<std::string> cordoned = parse_list(broker_value(layers, "cordoned.log.dirs").value_or(""));
  bool changed = false;
  for (const auto& directory : directories_) {
    const bool is_cordoned = std::ranges::any_of(cordoned, [&](const std::string& item) {
      return item == kAllCordoned || item == directory->path || item == directory->absolute;
    });
    changed |= std::exchange(directory->is_cordoned, is_cordoned) != is_cordoned;
  }
  if (changed && on_change_) on_change_();
}

// ------------------------------------------------------------------------------------------------------------- failure

void LogDirs::report_failure(const std::string& directory, std::string why) {
  loop_.post([this, directory, why = std::move(why)] { loop_.spawn(fail(directory, why)); });
}

Task<void> LogDirs::fail(std::string path, std::string why) {
  Directory* directory = find(path);
  if (directory == nullptr || !directory->is_online) co_return;
  directory->is_online = false;
  log_error("log-dirs", "a directory has failed: its partitions go offline", kv("directory", path), kv("why", why));
  std::vector<Task<void>> rounds;
  for (BrokerShard* shard : node_.shards) {
    rounds.push_back(call_on(shard->loop(), [shard, path]() -> Task<void> {
      shard->take_directory_offline(path);
      co_return;
    }));
  }
  for (Task<void>& round : rounds) co_await std::move(round);
  if (on_change_) on_change_();
}

// --------------------------------------------------------------------------------------------------------------- place

LogDirs::Directory& LogDirs::emptiest() {
  Directory* best = nullptr;
  for (const auto& directory : directories_) {
    if (!directory->is_online) continue;
    const auto rank = [](const Directory& one) { return std::pair(one.is_cordoned, one.logs); };
    if (best == nullptr || rank(*directory) < rank(*best)) best = directory.get();
  }
  CHECK(best != nullptr, "a node whose last directory fails is ended");
  return *best;
}

Task<Result<LogDirs::Place>> LogDirs::place(WantedLog wanted) {
  const TopicPartition& partition = wanted.partition;
  Place place{};
  Directory* assigned = find(wanted.assigned_directory);
  std::vector<Directory*> holders;
  for (const auto& directory : directories_) {
    if (directory->is_online && node_.seams.disk.stat(directory->files->partition_path(partition))) {
      holders.push_back(directory.get());
    }
  }
  if (holders.empty()) co_return place_of_new(wanted);
  // Two, when a directory failed in the middle of a move: the controller has been told which one counts.
  const bool assigned_has_it = std::ranges::find(holders, assigned) != holders.end();
  place.directory = assigned_has_it ? assigned : holders.front();
  for (const Directory* holder : holders) {
    if (holder != place.directory) place.doubles.push_back(holder->files->partition_path(partition));
  }
  place.path = place.directory->files->partition_path(partition);
  const auto known = place.directory->not_served.find(partition);
  if (known != place.directory->not_served.end()) place.last_run = known->second;
  for (const auto& directory : directories_) {
    if (!directory->is_online || !directory->futures.contains(partition)) continue;
    if (directory.get() != place.directory) place.moving_to = {directory->path, directory->id};
  }
  co_return place;
}

Result<LogDirs::Place> LogDirs::place_of_new(const WantedLog& wanted) {
  const TopicPartition& partition = wanted.partition;
  Directory* assigned = find(wanted.assigned_directory);
  if (assigned == nullptr && any_offline() && wanted.assigned_directory != quorum::kUnassignedDirectory) {
    return weir::fail(Errc::kUnavailable, partition.to_string() + " may be in a directory that is offline");
  }
  // The last run told the controller that the copy counts, and ended before it had the log's name.
  const auto future = assigned == nullptr ? decltype(assigned->futures.end()){} : assigned->futures.find(partition);
  if (assigned != nullptr && future != assigned->futures.end()) {
    Place place{.directory = assigned,
                .path = assigned->files->partition_path(partition),
                .last_run = {},
                .promoted = future->second};
    const auto known = assigned->not_served.find(partition);
    if (known != assigned->not_served.end()) place.last_run = known->second;
    assigned->futures.erase(future);
    return place;
  }
  const auto preferred = preferred_.find(partition);
  Directory* chosen = preferred == preferred_.end() ? nullptr : find(preferred->second);
  if (chosen == nullptr || !chosen->is_online) chosen = assigned;
  if (preferred != preferred_.end()) preferred_.erase(preferred);
  if (chosen == nullptr) chosen = &emptiest();
  ++chosen->logs;
  return Place{.directory = chosen, .path = chosen->files->partition_path(partition), .last_run = {}};
}

storage::LogOptions LogDirs::options_for(BrokerShard& shard, const WantedLog& wanted, const Directory& directory,
                                         std::string path, const LastRun& last_run) {
  return {.disk = node_.seams.disk,
          .files = shard.files(),
          .directory = std::move(path),
          .partition = wanted.partition,
          .topic_id = wanted.topic_id,
          .config = wanted.config,
          .was_clean = directory.clean_epoch.has_value(),
          .recovery_point = last_run.recovery_point,
          .log_start_offset = last_run.log_start.value_or(Offset(0)),
          .cleaned_before = last_run.cleaned_before,
          .now = node_.seams.clock.wall(),
          .name_is_synced_later = true};
}

Task<Result<OpenedLog>> LogDirs::open_log(BrokerShard& shard, WantedLog wanted) {
  CO_TRY_ASSIGN(Place found, co_await call_on(loop_, [this, wanted] { return place(wanted); }));
  Directory& directory = *found.directory;
  auto options = options_for(shard, wanted, directory, found.path, found.last_run);
  auto log = co_await node_.seams.disk_threads.run(
      [this, options = std::move(options), found, &directory]() -> Result<std::unique_ptr<storage::Log>> {
        TRY(settle_names(found, options.partition));
        return open_or_replace(options, directory.path);
      });
  if (!log) {
    if (is_device_failure(log.error().code)) report_failure(directory.path, log.error().message);
    co_await call_on(loop_, [&] { return note_failed(directory, {wanted.partition}); });
    co_return std::unexpected(std::move(log).error());
  }
  co_return OpenedLog{*std::move(log), found.last_run.high_watermark, {directory.path, directory.id}, found.moving_to};
}

Task<Result<std::unique_ptr<storage::Log>>> LogDirs::with_its_name(Directory& directory,
                                                                   std::unique_ptr<storage::Log> log) {
  if (log->name_may_be_unsynced()) CO_TRY(co_await call_on(loop_, [&] { return sync_names(directory); }));
  co_return log;
}

Task<Result<>> LogDirs::sync_names(std::string directory, std::vector<TopicPartition> logs) {
  Directory& found = *find(directory);
  const Result<> synced = co_await call_on(loop_, [&] { return sync_names(found); });
  if (synced) co_return synced;
  if (is_device_failure(synced.error().code)) report_failure(directory, synced.error().message);
  co_await call_on(loop_, [&] { return note_failed(found, logs); });
  co_return synced;
}

Task<Result<>> LogDirs::sync_names(Directory& directory) {
  DirectorySync& sync = directory.sync;
  const uint64_t wanted = sync.begun + 1;
  while (sync.done < wanted) {
    if (sync.under_way) {
      co_await sync.ended.wait();
      continue;
    }
    sync.under_way = true;
    const uint64_t round = ++sync.begun;
    Disk& disk = node_.seams.disk;
    const Result<> synced =
        co_await node_.seams.disk_threads.run([&disk, &directory] { return disk.sync_directory(directory.path); });
    sync.under_way = false;
    if (synced) sync.done = round;
    sync.ended.notify_all();
    CO_TRY(synced);
  }
  co_return Result<>();
}

Result<> LogDirs::settle_names(const Place& place, const TopicPartition& partition) {
  Disk& disk = node_.seams.disk;
  for (const std::string& folder : place.doubles) {
    const std::string aside = marked_folder(parent_directory(folder), partition, DirectoryKind::kStray);
    log_error("log-dirs", "a partition was found in two directories: one is put aside", kv("kept", place.path),
              kv("folder", folder), kv("now", aside));
    TRY(disk.rename(folder, aside));
  }
  if (!place.promoted) return {};
  log_info("log-dirs", "a copy that was finished takes the place of its log", kv("folder", place.path));
  return disk.rename(*place.promoted, place.path);
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

Task<void> LogDirs::note_failed(Directory& directory, std::vector<TopicPartition> logs) {
  directory.failed.insert(logs.begin(), logs.end());
  co_return;
}

Task<void> LogDirs::are_served(std::vector<TopicPartition> partitions) {
  co_await call_on(loop_, [&]() -> Task<void> {
    for (const auto& directory : directories_) {
      for (const TopicPartition& partition : partitions) {
        directory->failed.erase(partition);
        // What is known of a copy is needed until that is opened.
        if (!directory->futures.contains(partition)) directory->not_served.erase(partition);
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
      all.push_back({.directory = directory->path,
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

Task<void> LogDirs::put_strays_aside(const quorum::MetadataImage& image) {
  co_await call_on(loop_, [&]() -> Task<void> {
    for (const auto& directory : directories_) {
      if (!directory->is_online) continue;
      const Result<size_t> count = co_await node_.seams.disk_threads.run(
          [this, &directory, &image] { return put_strays_aside(*directory, image); });
      if (count) {
        directory->logs -= std::min(directory->logs, *count);
      } else {
        log_warn("log-dirs", "cannot put strays aside", kv("directory", directory->path),
                 kv("why", count.error().message));
        if (is_device_failure(count.error().code)) report_failure(directory->path, count.error().message);
      }
    }
  });
}

Result<size_t> LogDirs::put_strays_aside(Directory& directory, const quorum::MetadataImage& image) {
  TRY_ASSIGN(const auto listed, directory.files->list_partitions());
  size_t count = 0;
  for (const auto& entry : listed) {
    const TopicPartition& partition = entry.directory.partition;
    if (entry.directory.kind != DirectoryKind::kLive || partition.topic == quorum::kMetadataTopic) continue;
    const auto topic = image.topic(partition.topic);
    const auto* assigned = topic == nullptr ? nullptr : topic->partition(partition.index);
    if (assigned != nullptr && assigned->has_replica(node_.node_id)) continue;
    const std::string aside = marked_folder(directory.path, partition, DirectoryKind::kStray);
    log_warn("log-dirs", "a folder of a partition that is not this node's any more is put aside",
             kv("folder", entry.path), kv("now", aside));
    TRY(node_.seams.disk.rename(entry.path, aside));
    ++count;
  }
  if (count > 0) TRY(node_.seams.disk.sync_directory(directory.path));
  return count;
}

Result<std::unique_ptr<storage::Log>> LogDirs::open_or_replace(storage::LogOptions options,
                                                               const std::string& directory) {
  auto log = open_flushed(options);
  if (log || log.error().code != Errc::kInvalidArgument) return log;
  // The folder is of an older topic with this name, which the metadata do not know any more: keep it, out of the way.
  const std::string aside = marked_folder(directory, options.partition, DirectoryKind::kStray);
  log_warn("log-dirs", "a folder of another topic of this name is put aside", kv("folder", options.directory),
           kv("now", aside));
  TRY(node_.seams.disk.rename(options.directory, aside));
  options.recovery_point = options.log_start_offset = Offset(0);
  options.cleaned_before.reset();
  return storage::Log::open(options);
}

// -------------------------------------------------------------------------------------------------------------- delete

std::string LogDirs::marked_folder(const std::string& directory, const TopicPartition& partition, DirectoryKind kind) {
  return directory + "/" + storage::marked_directory_name(partition, unique_suffix(node_.seams.random), kind);
}

Task<void> LogDirs::delete_log(std::shared_ptr<Partition> partition) {
  const Duration delay = partition->log().config().file_delete_delay;
  const std::unique_ptr<storage::Log> log = co_await partition->release();
  const std::string path = log->directory();
  const std::string directory = parent_directory(path);
  const std::string marked = marked_folder(directory, log->partition(), DirectoryKind::kDeleted);
  Disk& disk = node_.seams.disk;
  const Result<> renamed =
      co_await node_.seams.disk_threads.run([&disk, path, marked] { return disk.rename(path, marked); });
  if (!renamed) {
    log_error("log-dirs", "the folder of a deleted partition cannot be renamed", kv("why", renamed.error().message));
    if (is_device_failure(renamed.error().code)) report_failure(directory, renamed.error().message);
    co_return;
  }
  co_await remove_log(directory, marked, delay);
}

Task<void> LogDirs::remove_log(std::string directory, std::string folder, Duration delay) {
  co_await call_on(loop_, [this, directory]() -> Task<void> {
    if (Directory* found = find(directory); found != nullptr && found->logs > 0) --found->logs;
    co_return;
  });
  Loop::current().spawn(remove_later(std::move(folder), delay));
}

Task<void> LogDirs::remove_later(std::string folder, Duration delay) {
  co_await sleep_for(delay);
  Disk& disk = node_.seams.disk;
  const Result<> removed =
      co_await node_.seams.disk_threads.run([&disk, folder] { return disk.remove_recursively(folder); });
  if (!removed)
    log_warn("log-dirs", "the folder of a deleted partition cannot be removed", kv("why", removed.error().message));
}

// --------------------------------------------------------------------------------------------------------------- moves

Task<std::expected<LogPlace, TargetProblem>> LogDirs::find_target(std::string path,
                                                                  std::optional<TopicPartition> remember) {
  return call_on(
      loop_,
      [this, path = std::move(path), remember = std::move(remember)]() -> Task<std::expected<LogPlace, TargetProblem>> {
        const auto found =
            std::ranges::find(directories_, path, [](const auto& directory) { return directory->absolute; });
        if (found == directories_.end()) co_return std::unexpected(TargetProblem::kUnknown);
        if (!(*found)->is_online) co_return std::unexpected(TargetProblem::kOffline);
        if ((*found)->is_cordoned) co_return std::unexpected(TargetProblem::kCordoned);
        if (remember && (preferred_.size() < kPreferredMax || preferred_.contains(*remember))) {
          preferred_[*remember] = (*found)->path;
        }
        co_return LogPlace{(*found)->path, (*found)->id};
      });
}

Task<Result<std::unique_ptr<storage::Log>>> LogDirs::open_future(BrokerShard& shard, WantedLog wanted, LogPlace place) {
  struct Found {
    Directory* directory;
    std::string folder;  // empty: no copy can be made
    LastRun last_run;
  };
  const Found found = co_await call_on(loop_, [this, wanted, place]() -> Task<Found> {
    Directory& directory = *find(place.directory);
    Found result{.directory = &directory, .folder = {}, .last_run = {}};
    if (const auto left = directory.futures.find(wanted.partition); left != directory.futures.end()) {
      result.folder = left->second;
      result.last_run = directory.not_served[wanted.partition];
      directory.not_served.erase(wanted.partition);
      directory.futures.erase(left);
    } else if (!any_offline()) {
      result.folder = marked_folder(directory.path, wanted.partition, DirectoryKind::kFuture);
      ++directory.logs;
    }
    co_return result;
  });
  // Another copy may lie in the directory that cannot be looked into.
  if (found.folder.empty()) co_return weir::fail(Errc::kUnavailable, "no copy is begun while a directory is offline");
  const auto options = options_for(shard, wanted, *found.directory, found.folder, found.last_run);
  auto log = co_await node_.seams.disk_threads.run([options] { return storage::Log::open(options); });
  if (log) log = co_await with_its_name(*found.directory, *std::move(log));
  if (!log && is_device_failure(log.error().code)) report_failure(place.directory, log.error().message);
  co_return log;
}

Task<Duration> LogDirs::wait_to_copy(size_t bytes) {
  return call_on(loop_, [this, bytes]() -> Task<Duration> { co_return throttle_.take(bytes, loop_.now()); });
}

// --------------------------------------------------------------------------------------------------------- checkpoints

Result<> LogDirs::write_checkpoints(Directory& directory, const std::vector<CheckpointedPartition>& partitions,
                                    Checkpoints which) {
  OffsetCheckpoint recovery_points;
  OffsetCheckpoint high_watermarks;
  OffsetCheckpoint log_starts;
  OffsetCheckpoint cleaned;
  for (const CheckpointedPartition& partition : partitions) {
    if (partition.directory != directory.path) continue;
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
    TRY(directory.files->write_checkpoint(kind, now));
    written = std::move(now);
    return {};
  };
  const auto wanted = [&](Checkpoints one) { return which == one || which == Checkpoints::kAll; };
  if (wanted(Checkpoints::kHighWatermarks))
    TRY(write(CheckpointKind::kHighWatermark, high_watermarks, directory.written_high_watermarks));
  if (wanted(Checkpoints::kRecoveryPoints))
    TRY(write(CheckpointKind::kRecoveryPoint, recovery_points, directory.written_recovery_points));
  if (wanted(Checkpoints::kLogStarts)) TRY(write(CheckpointKind::kLogStart, log_starts, directory.written_log_starts));
  if (wanted(Checkpoints::kCleaned)) TRY(write(CheckpointKind::kCleaner, cleaned, directory.written_cleaned));
  return {};
}

Task<Result<>> LogDirs::write_checkpoints(std::vector<CheckpointedPartition> partitions, Checkpoints which) {
  Result<> all;
  for (const auto& entry : directories_) {
    if (!entry->is_online) continue;
    Directory& directory = *entry;
    const Result<> written = co_await node_.seams.disk_threads.run(
        [&directory, &partitions, which] { return write_checkpoints(directory, partitions, which); });
    if (written) continue;
    if (is_device_failure(written.error().code)) co_await fail(directory.path, written.error().message);
    all = written;
  }
  co_return all;
}

Task<Result<>> LogDirs::mark_clean(BrokerEpoch epoch) {
  Result<> all;
  for (const auto& directory : directories_) {
    if (!directory->is_online || !directory->failed.empty()) continue;
    const Result<> marked = co_await node_.seams.disk_threads.run(
        [files = directory->files.get(), epoch] { return files->write_clean_shutdown(epoch); });
    if (!marked) all = marked;
  }
  co_return all;
}

}  // namespace weir::broker
