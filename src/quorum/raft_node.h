// RaftNode: this node's part in the metadata quorum at work: the log, the persisted vote, elections, commits,
// snapshots. QuorumState decides; this shell writes and hands what is committed to the loader, in order. Made, used and
// destroyed on one loop (the controller's); flushes and snapshots run on disk threads. Files:
// docs/formats/metadata-log.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/seams.h"
#include "base/sync.h"
#include "base/task.h"
#include "base/timer.h"
#include "protocol/batch_builder.h"
#include "quorum/metadata_loader.h"
#include "quorum/metadata_record.h"
#include "quorum/quorum_state.h"
#include "quorum/raft_log.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

// From the node's settings, named as there.
struct RaftOptions {
  NodeId node_id;
  std::string metadata_log_dir;
  VoterSet static_voters;  // controller.quorum.voters; empty with dynamic voters
  RaftLogOptions log;
  uint64_t snapshot_after_bytes = 20971520;              // metadata.log.max.record.bytes.between.snapshots
  Duration snapshot_interval = std::chrono::hours(1);    // metadata.log.max.snapshot.interval.ms; 0 none
  uint64_t retention_bytes = 104857600;                  // metadata.max.retention.bytes
  Duration retention_time = std::chrono::hours(24 * 7);  // metadata.max.retention.ms
  // The log cannot be written or understood any more: the node must stop. Called once, on the node's loop.
  std::function<void(const Error&)> on_failure;
};

// Told when this node becomes the leader, after all that is committed was loaded, and when it ceases to be.
class LeadershipListener {
 public:
  virtual ~LeadershipListener() = default;
  virtual void on_leader(LeaderEpoch epoch) = 0;
  virtual void on_no_longer_leader() = 0;
};

// What DescribeQuorum tells of the quorum, as far as this node knows.
struct QuorumInfo {
  NodeId leader = kNoNode;
  LeaderEpoch epoch{0};
  Offset high_watermark = kNoOffset;
  struct Replica {
    VoterKey key;
    Offset end_offset = kNoOffset;
    Timestamp last_fetch = kNoTimestamp;
    Timestamp last_caught_up = kNoTimestamp;
  };
  std::vector<Replica> voters;
  std::vector<Replica> observers;
  VoterSet voter_set;
};

class RaftNode {
 public:
  // All but `options` outlive the node.
  RaftNode(RaftOptions options, const Seams& seams, Loop& loop, MetadataLoader& loader);
  ~RaftNode();
  RaftNode(const RaftNode&) = delete;
  RaftNode& operator=(const RaftNode&) = delete;

  // Opens the log, loads the newest snapshot and takes up the role that the persisted vote allows; a single voter leads
  // when this returns, and everything in its log is committed and loaded. kNotFound for a directory that is not
  // formatted, kCorrupt and kUnsupported for a log that cannot be read, kIo, kNoSpace: the node cannot start.
  Task<Result<>> start(LeadershipListener& leadership);
  // Waits for what is under way, flushes and closes the files.
  Task<Result<>> stop();

  [[nodiscard]] bool is_leader() const;
  [[nodiscard]] LeaderEpoch epoch() const;
  // That the next record will get.
  [[nodiscard]] Offset end_offset() const;
  // What lies below is committed; kNoOffset before that is known.
  [[nodiscard]] Offset high_watermark() const { return high_watermark_; }

  // Appends the records as one batch, not yet committed, and yields the offset of the last; without records the offset
  // before the end. kUnavailable when this node does not lead, kTooLarge when the records do not fit in one batch,
  // kNoSpace and kIo: nothing was appended.
  Result<Offset> append(const MetadataRecords& records);
  // Waits until `offset` is committed and loaded. kUnavailable when this node ceased to lead before, kIo when the log
  // failed: the outcome is then unknown.
  Task<Result<>> committed(Offset offset);

  [[nodiscard]] QuorumInfo describe() const;

 private:
  Task<Result<>> open();
  Task<Result<>> load_snapshot();
  Task<Result<>> scan_control_batches();
  // RaftLog::read, with what is missed brought in on the way.
  Task<Result<>> read(Offset from, Offset to, RaftLog::Visit visit);
  Task<Result<>> elect();
  Task<Result<>> persist();
  Result<> append_leader_change();
  Result<Offset> append_batch(protocol::BatchBuilder& batch);

  void start_flushing();
  Task<void> flush();
  Task<Result<>> advance_high_watermark();
  Result<> load_committed(const protocol::RecordBatch& batch);

  void snapshot_if_due();
  Task<void> take_snapshot();
  Task<Result<>> write_snapshot();
  void fail_log(Error error);

  // When a snapshot may be due by time.
  class SnapshotTimer : public Timer {
   public:
    explicit SnapshotTimer(RaftNode& node) : node_(node) {}

   private:
    void on_expiry() override { node_.snapshot_if_due(); }
    RaftNode& node_;
  };

  RaftOptions options_;
  Seams seams_;
  Loop& loop_;
  MetadataLoader& loader_;
  LeadershipListener* leadership_ = nullptr;
  std::shared_ptr<RaftLog> log_;  // shared with what a disk thread does to it
  std::optional<QuorumState> state_;
  std::optional<ElectionState> persisted_;
  VoterHistory voters_;
  Offset high_watermark_ = kNoOffset;
  Offset loaded_end_{0};    // everything below is in the loader
  bool announced_ = false;  // that this node leads
  bool flushing_ = false;
  bool snapshotting_ = false;
  bool stopping_ = false;
  std::optional<Error> failure_;
  WaitList committed_changed_;
  WaitList idle_;  // told when flushing_ or snapshotting_ ends
  uint64_t bytes_since_snapshot_ = 0;
  MonotonicTime snapshot_due_ = kNever;
  SnapshotTimer snapshot_timer_{*this};
};

}  // namespace weir::quorum
