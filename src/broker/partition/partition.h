// Partition: one replica of a partition on this node: its log, its leadership, its high watermark, and who waits for
// it. Owned by the shard that the partition is dealt to (NodeContext::shard_of); loop thread only. Kept by shared_ptr,
// because flushes and waits outlive a deletion.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/seams.h"
#include "base/sync.h"
#include "broker/fetch/fetch_watch.h"
#include "broker/log_dirs.h"
#include "broker/partition/replication_state.h"
#include "protocol/error_code.h"
#include "quorum/metadata_image.h"
#include "storage/log.h"

namespace weir::broker {

struct NodeContext;
struct FetchItem;
class ReplicaMove;

// What became of a batch. Offsets are -1 when there is an error.
struct ProduceResult {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  Offset base_offset = kNoOffset;
  Offset last_offset = kNoOffset;
  Timestamp log_append_time = kNoTimestamp;  // -1 unless the topic stamps records itself
  Offset log_start_offset = kNoOffset;
  std::string message{};  // of the error, when there is more to say than its name
  std::vector<storage::RecordError> record_errors{};
  LeaderEpoch leader_epoch = kNoLeaderEpoch;  // with the errors that tell of another leader
  NodeId leader = kNoNode;
};

// What a fetch gets of one partition.
struct PartitionRead {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  Offset high_watermark = kNoOffset;
  Offset last_stable_offset = kNoOffset;
  Offset log_start_offset = kNoOffset;
  Offset readable_end = kNoOffset;  // for this reader: it waits for what comes behind
  std::optional<FileRegion> records{};
  size_t first_batch_size = 0;  // bytes that must not be cut when this is the first partition with data
  std::vector<storage::AbortedTransaction> aborted{};
  // Set when the fetcher's log has left this one: the epoch and its end here.
  std::optional<storage::EpochEnd> diverging_epoch{};
  NodeId preferred_replica = kNoNode;    // the consumer shall read from it, and gets nothing here
  bool counts_towards_throttle = false;  // leader.replication.throttled.rate limits what replicas get of it
  Duration throttled_for{};              // so that there is nothing now; at the most
  bool wakes_fetch = false;              // answer at once even with too few bytes
  bool waits_for_disk = false;           // there is more, which is being read into the page cache
  NodeId leader = kNoNode;               // with the errors that tell of another leader
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
};

// What is known of the compaction of a partition's log beside what the log knows itself.
struct PartitionCompaction {
  bool is_running = false;
  bool is_uncleanable = false;  // it failed for a reason that does not pass
  MonotonicTime not_before{};   // it failed for one that does
};

enum class Isolation : int8_t { kReadUncommitted = 0, kReadCommitted = 1 };

// How a consumer reads.
struct ConsumerTerms {
  Isolation isolation = Isolation::kReadUncommitted;
  bool reads_any_replica = false;  // not the leader only
  std::string_view rack{};         // where it is; empty: the leader looks for no replica that is nearer
  std::string_view listener{};     // that it came by
};

// What replicas of a partition are throttled, as the topic's settings say.
struct ReplicaThrottling {
  bool as_leader = false;
  bool as_follower = false;
};

class Partition : public std::enable_shared_from_this<Partition> {
 public:
  Partition(NodeContext& node, Loop& loop, std::string topic, Uuid topic_id, PartitionIndex index, OpenedLog opened);
  ~Partition();

  [[nodiscard]] const std::string& topic() const { return topic_; }
  [[nodiscard]] const Uuid& topic_id() const { return topic_id_; }
  [[nodiscard]] PartitionIndex index() const { return index_; }
  [[nodiscard]] storage::Log& log() { return *log_; }
  [[nodiscard]] const storage::Log& log() const { return *log_; }
  [[nodiscard]] Loop& loop() { return loop_; }
  [[nodiscard]] Offset high_watermark() const { return high_watermark_; }
  [[nodiscard]] Offset last_stable_offset() const;
  [[nodiscard]] LeaderEpoch leader_epoch() const { return leader_epoch_; }
  [[nodiscard]] bool is_leader() const { return leader_ == self_; }

  // Takes over what the metadata say: leader, epoch, ISR, directory.
  void apply(const quorum::PartitionImage& image);
  void set_min_insync_replicas(int32_t count) { min_insync_replicas_ = count; }
  void set_throttling(ReplicaThrottling throttling) { throttling_ = throttling; }

  // kNone, or why nobody can be served by this replica, whether it leads or not, who believes in
  // `current_leader_epoch` (-1: any).
  [[nodiscard]] protocol::ErrorCode check_replica(int32_t current_leader_epoch) const;
  // kNone, or why this replica cannot answer a request that was made for `current_leader_epoch` (-1: any).
  [[nodiscard]] protocol::ErrorCode check_leader(int32_t current_leader_epoch) const;

  // Appends one batch of a client; its bytes are patched. With acks=-1 the answer waits for wait_committed().
  ProduceResult append(MutableBytes batch, int16_t acks, bool zstd_allowed);
  // Appends batches that this node made itself (coordinators): offsets are assigned, no producer checks apply.
  ProduceResult append_internal(MutableBytes batch);
  // Waits until `last` is committed; false when the deadline passed or the leadership was lost.
  Task<bool> wait_committed(Offset last, MonotonicTime deadline);
  // As the leader: not all replicas are in the ISR.
  [[nodiscard]] bool is_under_replicated() const { return is_leader() && replication_.isr_size() < replica_count_; }
  // Whether the ISR is large enough for acks=-1.
  [[nodiscard]] bool has_enough_replicas() const;

  // What is in the page cache; what is not is brought in meanwhile, for the next try.
  PartitionRead read(const FetchItem& item, const ConsumerTerms& terms, size_t max_bytes);
  // As read(), for another replica: up to the log's end. Where it fetches from says what it has.
  PartitionRead read_for_replica(const FetchItem& item, IsrMember replica, size_t max_bytes);
  // Adds a watcher that is fired when there is more to read than there was at `seen` (a high watermark, or, for a
  // replica, an end of the log), or, when it waits for the disk, when what was missing has been brought in; at once
  // when that is so.
  void watch(FetchWatcher& watcher, Offset seen, bool waits_for_disk);
  // As the leader: what there was before it led is not known to be committed yet, so that the high watermark would be
  // too low an answer to where the log ends.
  [[nodiscard]] bool is_high_watermark_behind() const { return replication_.epoch_start() > high_watermark_; }

  // ---- replication: as the leader
  // Asks for another ISR, if the present one is not right any more.
  void check_isr();
  // What was asked for as of `partition_epoch` will not come to pass. What does the metadata show.
  void isr_was_refused(quorum::PartitionEpoch partition_epoch);

  // ---- replication: as a follower of leader()
  [[nodiscard]] NodeId leader() const { return leader_; }
  [[nodiscard]] bool is_follower() const { return !stopped_ && !is_leader() && leader_ != kNoNode; }
  // Appends what the leader sent, and takes its high watermark and log start over. kUnavailable when the leader's epoch
  // has changed since `epoch`; kNoSpace: later; kCorrupt, kIo.
  Result<> append_fetched(LeaderEpoch epoch, ByteView records, Offset high_watermark, Offset leader_log_start);
  // follower.replication.throttled.rate limits what it fetches...
  [[nodiscard]] bool counts_towards_throttle() const { return throttling_.as_follower; }
  // ...while it lacks records that are committed.
  [[nodiscard]] bool is_catching_up() const { return !has_caught_up_; }
  // Waits for the flush that the settings ask for before the leader may count this replica's records: where it fetches
  // from next says what it has.
  Task<void> flushed();
  // Removes what the leader does not have, whose log parts from this one at `diverging`. Waits for the device.
  Result<> truncate_to(LeaderEpoch epoch, const storage::EpochEnd& diverging);
  // Where truncate_to() cuts.
  [[nodiscard]] Offset truncation_point(const storage::EpochEnd& diverging) const;
  // Removes all; the log goes on at `offset`, where the leader's begins. Waits for the device.
  Result<> start_over(LeaderEpoch epoch, Offset offset);

  // Raises the log start offset to `before`, -1 for the high watermark, if it is lower; yields what was asked for.
  // kOutOfRange above the high watermark, kInvalidArgument for a topic whose old records are only compacted away.
  Result<Offset> delete_records(int64_t before);
  // Waits until no replica has records below `before` any more, but for those whose brokers are not up. Where the
  // first of their logs begins; nothing when this replica does not lead any more. At the deadline it may be too low.
  Task<std::optional<Offset>> wait_deleted(Offset before, MonotonicTime deadline);
  // Takes out what the topic's retention does not keep. The files go when no fetch can be reading them any more.
  Task<Result<>> apply_retention();
  // Retention has let go of files that a crash would bring back: the log's start must be in its checkpoint.
  [[nodiscard]] bool is_removing_segments() const { return removing_segments_ > 0; }
  // Sees to the files that the log has taken out: they are removed when no fetch can be reading them any more.
  void remove_taken_files();
  PartitionCompaction& compaction() { return compaction_; }
  // In between the log is neither closed nor given up.
  void compaction_began() { compaction_.is_running = true; }
  void compaction_ended();
  // Gives descriptors back when nobody has used the log since the last call.
  void release_if_idle();

  // The partition is gone or moves: whoever waits is woken, appends fail.
  void stop();
  [[nodiscard]] bool stopped() const { return stopped_; }
  // The log cannot be trusted, or not be written any more.
  void take_offline(std::string_view what, const Error& error);
  // The log's directory has failed: as stop(), and whoever comes is told of it.
  void go_offline();
  [[nodiscard]] bool failed() const { return failed_; }
  // After stop(): waits for flushes and compaction, then leaves the folder as a clean shutdown does. What the
  // checkpoints need stays known.
  Task<Result<>> close();
  // After stop(): waits for flushes and compaction and gives the log up, to be deleted by whoever gets it.
  Task<std::unique_ptr<storage::Log>> release();

  // ---- directories
  [[nodiscard]] const LogPlace& place() const { return place_; }
  // Where the metadata say that the log lives.
  [[nodiscard]] const Uuid& assigned_directory() const { return assigned_directory_; }
  // The copy of the log that is being made in another directory; nullptr when none is.
  [[nodiscard]] ReplicaMove* move() const { return move_.get(); }
  // What the last run had begun to move cannot be gone on with.
  void give_up_unfinished_move();
  // Begins a move; there is none.
  void begin_move(std::shared_ptr<ReplicaMove> move);
  // Called by the move. It stays known when the next start shall go on with it, for the checkpoints.
  void move_ended(const ReplicaMove& move, bool stays_known);
  // Nothing is committed and no flush begins until release_commits(); appends go on.
  void hold_commits() { held_ = true; }
  void release_commits();
  // Waits until neither a flush nor compaction has the log.
  Task<void> disk_work_ended();
  // A copy that has every record takes the place of the log. Commits are held; no flush is under way.
  std::unique_ptr<storage::Log> replace_log(std::unique_ptr<storage::Log> log, LogPlace place);

 private:
  void advance();
  // Everything up to here is flushed where that is asked for, and counts towards a commit.
  [[nodiscard]] Offset own_end() const;
  [[nodiscard]] size_t isr_min() const;
  [[nodiscard]] bool is_of_epoch(LeaderEpoch epoch) const {
    return !stopped_ && !is_leader() && epoch == leader_epoch_;
  }
  void lower_high_watermark(Offset end);
  PartitionRead read_up_to(const FetchItem& item, Offset end, bool with_aborted, size_t max_bytes,
                           PartitionRead result);
  void notify();
  void wake_replicas();
  void wake_consumers();
  void wake_fetches();
  template <class Predicate>
  void wake_if(Predicate predicate);
  PartitionRead not_read(const Error& error, PartitionRead result);
  [[nodiscard]] bool is_fresh(Offset offset) const;
  void note_fresh(Offset appended);
  [[nodiscard]] std::optional<FileRegion> keep_cached(storage::ReadResult& read) const;
  PartitionRead wait_for_disk(const FileRegion& missing, PartitionRead result);
  void bring_in(const FileRegion& missing);
  static Task<void> bring_in_and_wake(std::shared_ptr<Partition> self, FileRegion missing);
  ProduceResult finish_append(const storage::AppendResult& appended);
  // Starts what the settings ask for after an append: a flush now, or one by the clock.
  void request_flush(Offset appended_from);
  static Task<void> flush_while_needed(std::shared_ptr<Partition> self);
  static Task<void> flush_later(std::shared_ptr<Partition> self);
  static Task<void> remove_files(std::shared_ptr<Partition> self, storage::Deletions deletions, Duration delay);
  [[nodiscard]] std::optional<PartitionRead> refuse_read(const FetchItem& item) const;
  // Where the log stands: what every good answer to a fetch says.
  [[nodiscard]] PartitionRead bounds() const;
  [[nodiscard]] NodeId closest_replica(const ConsumerTerms& terms, Offset from) const;
  [[nodiscard]] bool needs_news(const FetchItem& item) const;
  // Tells LogDirs of an error that says that the log's directory has failed.
  void report_failure(const Error& error);
  // Tells the controller where the log lives, when the metadata say something else.
  void settle_directory();

  NodeContext& node_;
  Loop& loop_;
  std::string topic_;
  Uuid topic_id_;
  PartitionIndex index_;
  std::unique_ptr<storage::Log> log_;
  NodeId self_;
  NodeId leader_ = kNoNode;
  LeaderEpoch leader_epoch_ = kNoLeaderEpoch;
  quorum::PartitionEpoch partition_epoch_{0};
  size_t replica_count_ = 0;
  ReplicationState replication_;
  int32_t min_insync_replicas_ = 1;
  Offset high_watermark_{0};
  ReplicaThrottling throttling_;
  bool has_caught_up_ = false;  // as a follower, with what its leader told in this epoch
  // With flush.messages set: records from here on are not committed before they are flushed.
  std::optional<Offset> unflushed_from_;
  bool flushing_ = false;
  PartitionCompaction compaction_;
  bool flush_timed_ = false;
  bool used_ = false;  // since release_if_idle() looked last
  bool stopped_ = false;
  bool failed_ = false;
  bool held_ = false;
  LogPlace place_;
  Uuid assigned_directory_;
  Uuid unfinished_move_;  // the last run was moving the log there: begin_move() or give_up_unfinished_move() follows
  std::shared_ptr<ReplicaMove> move_;
  // What was appended from fresh_from_ on came at fresh_since_ or later.
  Offset fresh_from_ = kNoOffset;
  MonotonicTime fresh_since_{};
  bool bringing_in_ = false;      // one read of the disk at a time
  bool bring_in_failed_ = false;  // the last one; the next fetch is told
  size_t removing_segments_ = 0;  // rounds of retention whose files have their names still
  WaitList commits_;
  WaitList log_starts_;  // of the replicas
  WaitList disk_work_;
  IntrusiveList<FetchWatcher> watchers_;
};

}  // namespace weir::broker
