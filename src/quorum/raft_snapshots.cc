// Snapshots of the metadata that this node loads and makes.
#include "base/log.h"
#include "quorum/metadata_snapshot.h"
#include "quorum/raft_node.h"

namespace weir::quorum {

Task<Result<>> RaftNode::load_newest_snapshot() {
  loaded_end_ = log_->start_offset();
  if (log_->snapshots().empty()) co_return Result<>();
  co_return co_await load_snapshot(log_->snapshots().rbegin()->first);
}

Task<Result<>> RaftNode::load_snapshot(SnapshotId id) {
  CO_TRY_ASSIGN(const auto content,
                co_await seams_.disk_threads.run(
                    [&disk = seams_.disk, path = log_->snapshot_path(id)] { return read_checkpoint(disk, path); }));
  const Offset last = id.end_offset - 1;
  if (content.header.kraft_version > 0) {
    voters_.add_kraft_version(last, content.header.kraft_version);
    if (!content.header.voters.empty()) voters_.add_voters(last, content.header.voters);
  }
  if (id.end_offset <= Offset(0)) co_return Result<>();  // the directory was formatted with it
  CO_TRY(loader_.load_snapshot({content.values, {last, id.epoch, content.header.last_contained_time}}));
  loaded_end_ = high_watermark_ = id.end_offset;
  bytes_since_snapshot_ = 0;
  co_return Result<>();
}

void RaftNode::snapshot_if_due() {
  const bool is_due = bytes_since_snapshot_ >= options_.snapshot_after_bytes || loop_.now() >= snapshot_due_;
  if (!is_due || snapshotting_ || stopping_ || failure_) return;
  if (options_.snapshot_interval > Duration::zero()) {
    snapshot_due_ = loop_.now() + options_.snapshot_interval;
    loop_.timers().arm(snapshot_timer_, snapshot_due_);
  }
  if (bytes_since_snapshot_ == 0) return;
  bytes_since_snapshot_ = 0;
  snapshotting_ = true;
  loop_.spawn(take_snapshot());
}

Task<void> RaftNode::take_snapshot() {
  if (const auto written = co_await write_snapshot(); !written) {
    // The log has everything; the next trigger tries again.
    log_warn("raft", "cannot write a snapshot of the metadata", kv("error", written.error().message));
  }
  snapshotting_ = false;
  idle_.notify_all();
}

Task<Result<>> RaftNode::write_snapshot() {
  const auto image = loader_.image();
  const SnapshotId id{image->provenance.last_offset + 1, image->provenance.epoch};
  if (log_->snapshots().contains(id) || id.end_offset <= Offset(0)) co_return Result<>();
  CheckpointHeader header{image->provenance.last_append_time, voters_.kraft_version_before(id.end_offset), {}};
  if (header.kraft_version > 0) header.voters = voters_.voters_before(id.end_offset);
  const CheckpointTarget target{log_->directory(), checkpoint_name(id), id.epoch, true};
  const Timestamp now = seams_.clock.wall();
  CO_TRY_ASSIGN(const FileInfo file, co_await seams_.disk_threads.run(
                                         [&disk = seams_.disk, image, header, target, now]() -> Result<FileInfo> {
                                           TRY(write_checkpoint(disk, target, header, image_to_records(*image), now));
                                           return disk.stat(target.directory + "/" + target.name);
                                         }));
  log_->add_snapshot(id, {file.size, file.modified});
  CO_TRY_ASSIGN(auto deletions, log_->retire(now, options_.retention_bytes, options_.retention_time));
  if (deletions.empty()) co_return Result<>();
  co_return co_await seams_.disk_threads.run(
      [&disk = seams_.disk, deletions = std::move(deletions)]() mutable { return deletions.run(disk); });
}

}  // namespace weir::quorum
