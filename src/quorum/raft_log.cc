#include "quorum/raft_log.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::quorum {
namespace {

// Read at once when committed records are taken in: some batches, without holding a whole log in memory.
constexpr size_t kReadSize = size_t{1} << 20;

storage::LogConfig log_config(const RaftLogOptions& options) {
  storage::LogConfig config;
  config.segment_size_max = static_cast<int32_t>(std::min<uint64_t>(options.segment_bytes, INT32_MAX));
  config.segment_time_max = std::chrono::duration_cast<milliseconds>(options.segment_time);
  config.batch_size_max = static_cast<int32_t>(kRaftBatchSizeMax);
  // Only snapshots make records superfluous.
  config.retention_bytes = -1;
  config.retention_time = milliseconds(-1);
  return config;
}

}  // namespace

Result<std::unique_ptr<RaftLog>> RaftLog::open(Disk& disk, const std::string& metadata_log_dir,
                                               const RaftLogOptions& options, Timestamp now) {
  std::unique_ptr<RaftLog> raft(new RaftLog(disk));
  const storage::TopicPartition partition{std::string(kMetadataTopic), PartitionIndex(0)};
  raft->directory_ = metadata_log_dir + "/" + partition.to_string();
  TRY(disk.create_directories(raft->directory_));
  // A folder made just now must not vanish with what is acknowledged in it.
  TRY(disk.sync_directory(metadata_log_dir));
  TRY(raft->find_snapshots());
  // Nobody keeps a recovery point for this log: all of it is checked. Snapshots keep it short.
  TRY_ASSIGN(raft->log_, storage::Log::open({.disk = disk,
                                             .files = raft->files_,
                                             .directory = raft->directory_,
                                             .partition = partition,
                                             .topic_id = kMetadataTopicId,
                                             .config = log_config(options),
                                             .was_clean = false,
                                             .recovery_point = Offset(0),
                                             .log_start_offset = Offset(0),
                                             .now = now}));
  TRY(raft->drop_below_snapshot(now));
  return raft;
}

Result<> RaftLog::find_snapshots() {
  TRY_ASSIGN(const auto files, disk_.list(directory_));
  for (const FileInfo& file : files) {
    if (file.name.ends_with(kPartSuffix) || file.name.ends_with(kDeletedSuffix)) {
      TRY(disk_.remove(directory_ + "/" + file.name));
    } else if (const auto id = parse_checkpoint_name(file.name)) {
      snapshots_[*id] = {file.size, file.modified};
    }
  }
  return {};
}

Result<> RaftLog::drop_below_snapshot(Timestamp now) {
  if (snapshots_.empty()) return {};
  const SnapshotId& newest = snapshots_.rbegin()->first;
  const bool is_ahead = newest.epoch > log_->latest_epoch() || newest.end_offset > log_->log_end_offset();
  if (is_ahead && newest.end_offset > Offset(0)) return log_->truncate_fully_and_start_at(newest.end_offset, now);
  return {};
}

LeaderEpoch RaftLog::last_epoch() const {
  if (log_->latest_epoch() != kNoLeaderEpoch) return log_->latest_epoch();
  return snapshots_.empty() ? LeaderEpoch(0) : snapshots_.rbegin()->first.epoch;
}

Result<Offset> RaftLog::append(const SharedBytes& batch, LeaderEpoch epoch, Timestamp now) {
  CHECK(batch.owner.unique(), "a batch that others read");
  // The batch was built for this append alone; its offsets are set in place.
  const MutableBytes bytes(batch.owner.data() + (batch.bytes.data() - batch.owner.data()), batch.bytes.size());
  const auto appended =
      log_->append_as_leader(bytes, {.leader_epoch = epoch, .now = now, .origin = storage::AppendOrigin::kQuorum});
  if (!appended) return std::unexpected(to_error(appended.error()));
  return appended->last_offset;
}

Result<> RaftLog::append_as_follower(ByteView batches, Timestamp now) {
  const ByteView whole = protocol::without_cut_entry(batches);
  for (ByteView rest = whole; !rest.empty();) TRY(protocol::take_batch(rest));
  const auto appended = log_->append_as_follower(whole, now);
  if (!appended) return std::unexpected(to_error(appended.error()));
  return {};
}

storage::EpochEnd RaftLog::end_of_epoch(LeaderEpoch epoch) const {
  const auto& epochs = log_->epochs().entries();
  if (!epochs.empty() && epoch >= epochs.front().epoch) return log_->epoch_end_offset(epoch);
  // No record that is left is of this epoch or of an earlier one.
  if (const auto snapshot = earliest_snapshot()) return {snapshot->epoch, snapshot->end_offset};
  return {epochs.empty() ? LeaderEpoch(0) : epoch, log_->log_start_offset()};
}

RaftLog::ReplicaNeeds RaftLog::needs_of(Offset offset, LeaderEpoch epoch) const {
  const auto snapshot = earliest_snapshot();
  // A snapshot is shorter than the records that led to it.
  if (snapshot && (offset == Offset(0) || offset < start_offset() ||
                   (offset == start_offset() && epoch != snapshot->epoch) || epoch < snapshot->epoch)) {
    return ReplicaNeeds::kSnapshot;
  }
  if (offset == Offset(0) && start_offset() == Offset(0) && epoch == LeaderEpoch(0)) return ReplicaNeeds::kRecords;
  const storage::EpochEnd end = end_of_epoch(epoch);
  return end.epoch == epoch && offset <= end.end ? ReplicaNeeds::kRecords : ReplicaNeeds::kTruncation;
}

Offset RaftLog::truncation_point(const storage::EpochEnd& diverging) const {
  const storage::EpochEnd own = end_of_epoch(diverging.epoch);
  return own.epoch == diverging.epoch ? std::min(own.end, diverging.end) : own.end;
}

Result<bool> RaftLog::truncate_to(const storage::EpochEnd& diverging, Timestamp now) {
  return log_->truncate_to(truncation_point(diverging), now);
}

Result<> RaftLog::start_at_newest_snapshot(Timestamp now) { return drop_below_snapshot(now); }

Result<std::string> RaftLog::read_bytes(Offset from, size_t max_bytes) {
  std::string bytes;
  if (from >= end_offset()) return bytes;
  const auto found = log_->read(from, max_bytes, end_offset(), true);
  if (!found) {
    missed_ = log_->missed();
    return std::unexpected(found.error());
  }
  missed_ = found->records;
  bytes.resize(missed_.length);
  const MutableBytes into(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  TRY_ASSIGN(const size_t got, missed_.file->read_now(missed_.position, into));
  bytes.resize(got);
  return bytes;
}

std::optional<SnapshotId> RaftLog::earliest_snapshot() const {
  for (const auto& [id, snapshot] : snapshots_) {
    if (id.end_offset > Offset(0) && id.end_offset >= start_offset()) return id;
  }
  return std::nullopt;
}

std::optional<SnapshotId> RaftLog::newest_snapshot() const {
  if (snapshots_.empty() || snapshots_.rbegin()->first.end_offset <= Offset(0)) return std::nullopt;
  return snapshots_.rbegin()->first;
}

Result<> RaftLog::read(Offset from, Offset to, const Visit& visit) {
  ByteVector buffer;
  while (from < to) {
    const auto found = log_->read(from, kReadSize, to, true);
    if (!found) {
      missed_ = log_->missed();
      return std::unexpected(found.error());
    }
    missed_ = found->records;
    buffer.resize(missed_.length);
    TRY_ASSIGN(const size_t got, missed_.file->read_now(missed_.position, buffer));
    buffer.resize(got);
    ByteView left = buffer;
    const Offset before = from;
    while (from < to && !left.empty()) {
      // The last batch may be cut: it comes again, whole, at the front of the next read.
      const auto frame = protocol::sniff_entry(left);
      if (frame && (!*frame || (*frame)->size > left.size())) break;
      TRY_ASSIGN(const auto batch, protocol::take_batch(left));
      if (batch.last_offset() < from) continue;
      TRY(visit(batch));
      from = batch.next_offset();
    }
    if (from == before) {
      return fail(Errc::kCorrupt, fmt::format("{}: no batch holds offset {}", directory_, from.value()));
    }
  }
  return {};
}

uint64_t RaftLog::size_bytes() const {
  uint64_t total = log_->size();
  for (const auto& [id, snapshot] : snapshots_) total += snapshot.size_bytes;
  return total;
}

Result<storage::Deletions> RaftLog::retire(Timestamp now, uint64_t retention_bytes, Duration retention_time) {
  storage::Deletions deletions;
  const int64_t oldest_kept = now.value() - std::chrono::duration_cast<milliseconds>(retention_time).count();
  while (snapshots_.size() > 1) {
    const auto oldest = snapshots_.begin();
    const bool is_due = size_bytes() > retention_bytes || oldest->second.modified.value() < oldest_kept;
    if (!is_due) break;
    const std::string path = snapshot_path(oldest->first);
    const std::string renamed =
        path.substr(0, path.size() - std::string_view(".checkpoint").size()) + std::string(kDeletedSuffix);
    TRY(disk_.rename(path, renamed));
    deletions.renamed.push_back(renamed);
    snapshots_.erase(oldest);
    // A replica that needs what lies below gets the snapshot.
    TRY(log_->delete_records_before(std::min(snapshots_.begin()->first.end_offset, end_offset())));
    TRY(log_->apply_retention(now, end_offset()));
  }
  storage::Deletions segments = log_->take_deletions();
  std::ranges::move(deletions.renamed, std::back_inserter(segments.renamed));
  return segments;
}

}  // namespace weir::quorum
