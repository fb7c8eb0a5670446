// RaftLog: the log of the metadata with its snapshots, the folder __cluster_metadata-0. Opened and closed on a disk
// thread, used on the loop of its RaftNode. Format: docs/formats/metadata-log.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/seams.h"
#include "protocol/record_batch.h"
#include "quorum/checkpoint.h"
#include "storage/file_pool.h"
#include "storage/log.h"

namespace weir::quorum {

inline constexpr std::string_view kMetadataTopic = "__cluster_metadata";

// The largest batch that Kafka's quorum takes.
inline constexpr size_t kRaftBatchSizeMax = 8388608;

// From the node's settings, named as there.
struct RaftLogOptions {
  uint64_t segment_bytes = 1073741824;                 // metadata.log.segment.bytes
  Duration segment_time = std::chrono::hours(24 * 7);  // metadata.log.segment.ms
};

class RaftLog {
 public:
  // `metadata_log_dir` is there and formatted. Cuts a torn tail off, removes unfinished snapshots, and gives up records
  // that end below the newest snapshot. Disk thread; blocks. kIo, kNoSpace, kCorrupt.
  static Result<std::unique_ptr<RaftLog>> open(Disk& disk, const std::string& metadata_log_dir,
                                               const RaftLogOptions& options, Timestamp now);

  [[nodiscard]] Offset start_offset() const { return log_->log_start_offset(); }
  [[nodiscard]] Offset end_offset() const { return log_->log_end_offset(); }
  // Of the last record, or of the newest snapshot when there is none behind it.
  [[nodiscard]] LeaderEpoch last_epoch() const;
  [[nodiscard]] const std::string& directory() const { return directory_; }

  // Appends one batch at the end, in `epoch`; the offset of its last record. kNoSpace, kIo: nothing was appended.
  Result<Offset> append(const SharedBytes& batch, LeaderEpoch epoch, Timestamp now);
  // Appends the whole batches at the front of `batches`, as the leader sent them; kCorrupt when they do not follow the
  // end. kNoSpace, kIo.
  Result<> append_as_follower(ByteView batches, Timestamp now);

  // The greatest epoch not above `epoch` that has records here, or ended in the snapshot that the log begins behind,
  // and the offset behind its last record.
  [[nodiscard]] storage::EpochEnd end_of_epoch(LeaderEpoch epoch) const;
  // What a replica that has everything below `offset`, the last of it in `epoch`, needs of this log.
  enum class ReplicaNeeds : uint8_t { kRecords, kTruncation, kSnapshot };
  [[nodiscard]] ReplicaNeeds needs_of(Offset offset, LeaderEpoch epoch) const;
  // Removes what a leader does not have whose log parts from this one at `diverging`; false when nothing was removed.
  // Waits for the device. kIo.
  Result<bool> truncate_to(const storage::EpochEnd& diverging, Timestamp now);
  // Where truncate_to() would cut.
  [[nodiscard]] Offset truncation_point(const storage::EpochEnd& diverging) const;
  // A snapshot that lies beyond the end was added: the log goes on behind it. kIo.
  Result<> start_at_newest_snapshot(Timestamp now);
  // Bytes of batches from `from` on, the last of which may be cut: `max_bytes`, or the first batch. Empty at the end.
  // kWouldBlock as read().
  Result<std::string> read_bytes(Offset from, size_t max_bytes);

  // Calls visit(batch) for each batch of [from, to), which bound whole batches. kCorrupt, kIo, or the first error of
  // `visit`. kWouldBlock, behind some of the batches: missed() must be read on a disk thread first.
  using Visit = std::function<Result<>(const protocol::RecordBatch&)>;
  Result<> read(Offset from, Offset to, const Visit& visit);
  [[nodiscard]] const FileRegion& missed() const { return missed_; }

  Result<storage::FlushJob> start_flush(Timestamp now) { return log_->start_flush(storage::FlushNeed::kAll, now); }
  void finish_flush(const storage::FlushJob& job, const Result<>& outcome) { log_->finish_flush(job, outcome); }

  // Snapshots that are there, with the sizes and times of their files.
  struct Snapshot {
    uint64_t size_bytes;
    Timestamp modified;
  };
  [[nodiscard]] const std::map<SnapshotId, Snapshot>& snapshots() const { return snapshots_; }
  // Of those that the log goes on behind; older ones may still be there. Without the one that a directory may be
  // formatted with, which holds no metadata.
  [[nodiscard]] std::optional<SnapshotId> earliest_snapshot() const;
  [[nodiscard]] std::optional<SnapshotId> newest_snapshot() const;
  [[nodiscard]] std::string snapshot_path(const SnapshotId& id) const { return directory_ + "/" + checkpoint_name(id); }
  // A snapshot was written.
  void add_snapshot(const SnapshotId& id, Snapshot snapshot) { snapshots_[id] = snapshot; }
  // Bytes of log and snapshots.
  [[nodiscard]] uint64_t size_bytes() const;
  // Lets go of the oldest snapshots, and of the records below those that stay, while they are more than
  // `retention_bytes` or older than `retention_time`; the newest always stays. What is to be removed is renamed first.
  Result<storage::Deletions> retire(Timestamp now, uint64_t retention_bytes, Duration retention_time);

  // Makes everything durable. Disk thread, after detach() on the loop; blocks.
  void detach() { log_->detach(); }
  Result<> close() { return log_->close(); }

 private:
  explicit RaftLog(Disk& disk) : disk_(disk) {}
  Result<> find_snapshots();
  Result<> drop_below_snapshot(Timestamp now);

  Disk& disk_;
  std::string directory_;
  storage::FilePool files_{kOpenFilesMax};
  std::unique_ptr<storage::Log> log_;
  std::map<SnapshotId, Snapshot> snapshots_;
  FileRegion missed_{nullptr, 0, 0};

  // The active segment with its indexes, and one that is read.
  static constexpr size_t kOpenFilesMax = 8;
};

}  // namespace weir::quorum
