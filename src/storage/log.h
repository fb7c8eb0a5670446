// Log: the log of one partition: its segments, what is known of its producers and its leaders' epochs, its start and
// end. The broker keeps the high watermark. Owned by the loop of its shard; loop thread only, but for what says "disk
// thread": then nobody else uses the log. Calls read and write the page cache directly; only flush jobs and deletions
// wait for the device. Reading what is not in the page cache would, so that it ends in kWouldBlock: have missed() read
// on a disk thread (File::bring_in) and call again. Formats: docs/formats/.
//
// Errors, unless said otherwise: kIo (take the directory offline), kNoSpace (nothing changed, try again later),
// kCorrupt (the files hold something else than was written).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/seams.h"
#include "base/uuid.h"
#include "storage/append.h"
#include "storage/compaction_plan.h"
#include "storage/file_pool.h"
#include "storage/leader_epochs.h"
#include "storage/log_config.h"
#include "storage/producer_state.h"
#include "storage/segment.h"
#include "storage/topic_partition.h"
#include "storage/without_room.h"

namespace weir::storage {

struct LogOptions {
  Disk& disk;
  FilePool& files;        // of the shard that will own the log
  std::string directory;  // of the partition: made when absent
  TopicPartition partition;
  Uuid topic_id;  // zero: not known, any is taken
  LogConfig config;
  bool was_clean = false;                  // the log directory had its clean-shutdown marker
  Offset recovery_point{0};                // from the checkpoint; all below it is on the device
  Offset log_start_offset{0};              // from the checkpoint
  std::optional<Offset> cleaned_before{};  // from the checkpoint; none: nothing was compacted yet
  Timestamp now;
  bool name_is_synced_later = false;  // the caller syncs the directory that a new folder is in, before the log is used
};

struct ReadResult {
  FileRegion records{nullptr, 0, 0};  // whole batches but for the last; length 0 when there is nothing to read
  Offset first_base_offset = kNoOffset;
  size_t first_batch_size = 0;  // bytes of the first batch: that much is needed to make progress
  bool from_older_segment = false;
};

struct FoundTimestamp {
  Timestamp timestamp;
  Offset offset;
  LeaderEpoch leader_epoch;
};

// Work for a disk thread that makes a part of a log durable.
struct FlushJob {
  Offset up_to;
  uint64_t generation;  // of the log's content: a truncation makes the job void
  std::vector<std::shared_ptr<File>> files;
  std::vector<Offset> segments;   // closed ones, whose indexes are among the files
  std::vector<Offset> snapshots;  // whose files are among the files
  int64_t records;                // appended since the last flush
  std::optional<std::string> epochs;
  bool sync_directory;
  std::string directory;
  Disk* disk;

  // Disk thread; blocks. kIo: what was appended may be lost. kNoSpace: there is no room for a file beside the records;
  // another flush may succeed when there is.
  Result<> run() const;
};

enum class FlushNeed : uint8_t {
  kNone,
  kRolled,  // closed segments: start_flush(kRolled)
  kAll,     // flush.messages or flush.ms have passed: start_flush(kAll)
};

// Work for a disk thread that takes files away which a log has let go of. Renamed ones are removed
// file.delete.delay.ms after they were taken: until then a fetch may be reading them.
struct Deletions {
  // Files that still have their names, segment by segment, the oldest first.
  std::vector<std::vector<std::string>> named;
  std::vector<std::string> renamed;
  std::string directory;
  bool sync_first = false;  // the directory has names that are not on the device

  [[nodiscard]] bool empty() const { return named.empty() && renamed.empty(); }
  // Gives files with names others, which the next start takes for rubbish. Files that are gone are fine. Disk thread;
  // blocks. kIo, kNoSpace: try again.
  Result<> rename(Disk& disk);
  // Renames what has its name still, and removes all. Disk thread; blocks. kIo, kNoSpace.
  Result<> run(Disk& disk);
};

class Log {
 public:
  // Loads the log, or makes an empty one. After an unclean stop all from the recovery point on is checked and a torn
  // tail is cut off. Disk thread; blocks. kInvalidArgument when the folder belongs to another topic id.
  static Result<std::unique_ptr<Log>> open(LogOptions options);
  ~Log();

  // Gives up all descriptors and the pool, so that another thread can close or delete the log.
  void detach();
  // The way back: the owner's loop uses the log again.
  void attach() { files_.attach(&pool_); }
  // Makes everything durable and leaves the folder as a clean stop does: closed indexes, a producer snapshot at the
  // end. Afterwards recovery_point() is the end. Does nothing for a log that is as it was found. kIo also when an
  // earlier flush failed: what it left cannot be trusted, so that the next start must recover it. Disk thread, after
  // detach(); blocks.
  Result<> close();
  // The folder was renamed (a deleted topic): files are found under the new name from now on. After detach().
  void set_directory(std::string directory) { files_.set_directory(std::move(directory)); }

  // ---- append
  // Appends one batch of magic 2 as the leader: checks it, sets its offsets and epoch in place, writes it from where it
  // stands. On an error the log is as before; the bytes may be changed.
  AppendResult append_as_leader(MutableBytes batch, const LeaderAppend& append);
  // Appends whole batches as the leader sent them, without changing them, messages of magic 0 and 1 too;
  // kUnexpectedOffset when they do not begin at or behind the end. Of several those before a bad one stay.
  AppendResult append_as_follower(ByteView batches, Timestamp now);
  // A new leader's epoch begins at the end of the log.
  void start_epoch(LeaderEpoch epoch);

  // ---- read
  // On a loop each call may end in kWouldBlock; what it would have waited for is then this, until the next call.
  [[nodiscard]] const FileRegion& missed() const { return files_.missed(); }
  // A part of one segment from the batch that holds `from` on: at most `max_bytes` (or the first batch, when
  // `at_least_one_batch`) and nothing of batches that begin at or above `upper_bound`. Bounds of batches are not looked
  // at but for the first, so the last one may be cut. Whether the part is in the page cache is for whoever reads it to
  // ask. kOutOfRange when `from` is not in [start, end].
  Result<ReadResult> read(Offset from, size_t max_bytes, Offset upper_bound, bool at_least_one_batch);
  // Aborted transactions that overlap what a read from `from` gave; `upper_bound` as in the read.
  Result<std::vector<AbortedTransaction>> aborted_transactions(Offset from, const ReadResult& read, Offset upper_bound);
  // The first record whose timestamp is `timestamp` or later. Opens one batch.
  Result<std::optional<FoundTimestamp>> offset_for_timestamp(Timestamp timestamp);
  // Of the batch that holds the first record at `offset` or behind it, as its producer (or the topic, which stamps
  // records itself) has set it; kNoTimestamp for messages of before batches, and when there is none. kWouldBlock, kIo.
  Result<Timestamp> timestamp_at(Offset offset);
  // The first record with the greatest timestamp of all. Opens one batch.
  Result<std::optional<FoundTimestamp>> max_timestamp_offset();
  [[nodiscard]] EpochEnd epoch_end_offset(LeaderEpoch epoch) const { return epochs_.end_of(epoch, log_end_offset_); }
  // Everything below is stable: the high watermark, or the start of the earliest undecided transaction below it.
  [[nodiscard]] Offset last_stable_offset(Offset high_watermark) const;

  [[nodiscard]] Offset log_start_offset() const { return log_start_offset_; }
  [[nodiscard]] Offset log_end_offset() const { return log_end_offset_; }
  // The caller of open() has yet to sync the directory that the folder is in (LogOptions::name_is_synced_later).
  [[nodiscard]] bool name_may_be_unsynced() const { return name_may_be_unsynced_; }
  [[nodiscard]] Offset first_segment_offset() const { return segments_.front()->base_offset(); }
  [[nodiscard]] LeaderEpoch latest_epoch() const { return epochs_.latest(); }
  [[nodiscard]] const LeaderEpochs& epochs() const { return epochs_; }
  [[nodiscard]] const ProducerState& producers() const { return producers_; }
  [[nodiscard]] uint64_t size() const;  // bytes of all segments
  [[nodiscard]] size_t segment_count() const { return segments_.size(); }
  [[nodiscard]] const std::string& directory() const { return files_.directory(); }
  [[nodiscard]] const TopicPartition& partition() const { return partition_; }
  [[nodiscard]] const Uuid& topic_id() const { return topic_id_; }
  [[nodiscard]] const LogConfig& config() const { return config_; }
  void set_config(const LogConfig& config) { config_ = config; }
  // Of the content: changes when records are cut off, and then only.
  [[nodiscard]] uint64_t generation() const { return generation_; }

  // ---- flush
  // All below is on the device.
  [[nodiscard]] Offset recovery_point() const { return recovery_point_; }
  [[nodiscard]] FlushNeed flush_need(Timestamp now) const;
  // What must be synced: run() it on a disk thread and report back with finish_flush(). One job at a time.
  Result<FlushJob> start_flush(FlushNeed extent, Timestamp now);
  void finish_flush(const FlushJob& job, const Result<>& outcome);

  // ---- change
  // Removes all records from `offset` on. False when the log ends there or before. Waits for the device: it reads
  // producers' state anew, and stopping half way would leave none.
  Result<bool> truncate_to(Offset offset, Timestamp now);
  // Reads what truncate_to(offset) would, and changes nothing: when this does not end in kWouldBlock, that does not
  // wait.
  Result<> look_at_truncation(Offset offset);
  // Removes all records; the log goes on at `offset`.
  Result<> truncate_fully_and_start_at(Offset offset, Timestamp now);
  // Records below `offset` are not served any more; segments of nothing else go with the next apply_retention().
  // kOutOfRange above the end: the caller allows only what is below the high watermark.
  Result<> delete_records_before(Offset offset);
  // Takes old segments below the high watermark out, by log start, size and time. How many: none while compaction reads
  // them. Their files go with take_deletions(): before Deletions::rename() a crash brings the records back, so that
  // until then the log's start must be in its checkpoint.
  Result<size_t> apply_retention(Timestamp now, Offset high_watermark);
  // Ends the active segment and begins a new one.
  Result<> roll(Timestamp now);
  // Files that the calls above took out of the log.
  [[nodiscard]] Deletions take_deletions() { return std::exchange(deletions_, {}); }
  void expire_producers(Timestamp now) { producers_.expire(now, config_.producer_id_expiration); }
  void advance_high_watermark(Offset high_watermark) { producers_.advance_high_watermark(high_watermark); }
  // Gives descriptors and buffers back until the next use.
  Result<> release_idle();

  // ---- compact
  // Compaction has seen all below; none: it has never been here.
  [[nodiscard]] std::optional<Offset> cleaned_before() const { return cleaned_before_; }
  // What a compaction would find. Only what is on the device, in closed segments below the last stable offset, and old
  // enough is counted: what supersedes a record must not be lost when the record is gone.
  Result<Dirtiness> dirtiness(Offset last_stable, Timestamp now);
  // Begins a round, at most one at a time; it ends with end_compaction().
  Result<CompactionPlan> start_compaction(const Dirtiness& dirtiness, Timestamp now);
  // False when a truncation has ended the round: nothing more of it may be swapped in.
  [[nodiscard]] bool compacting() const { return compacting_; }
  // Lets a compacted segment take the place of those that it was made of. True: the folder must be synced, then this is
  // called again with the same segment; false: done. Readers see the old ones or the new one throughout. An error but
  // kNoSpace leaves what only the next start can finish.
  Result<bool> swap_in(const CompactedSegment& segment);
  // The round is over; it has seen all below `cleaned_before`, if it came to its end.
  void end_compaction(std::optional<Offset> cleaned_before);

 private:
  friend class LogLoader;
  explicit Log(LogOptions& options);
  [[nodiscard]] Segment& active() { return *segments_.back(); }
  [[nodiscard]] SegmentLimits limits() const { return {config_.index_size_max, config_.index_interval}; }
  // The segment that holds `offset`, or would: the last one that begins at or below it.
  [[nodiscard]] size_t segment_index(Offset offset) const;

  // append
  [[nodiscard]] AppendResult duplicate_of(const ProducerBatch& batch) const;
  std::expected<std::optional<EndTransaction>, AppendError> read_marker(const protocol::RecordBatch& batch) const;
  // Puts a judged batch at the end, its offsets and epoch set in place. On an error the log is as before.
  Result<> write_as_leader(MutableBytes batch, LeaderEpoch epoch, Timestamp now);
  Result<> roll_if_needed(size_t size, Timestamp max_timestamp, Offset last_offset, Timestamp now);
  Result<bool> must_roll(size_t size, Timestamp max_timestamp, Offset last_offset, Timestamp now);
  Result<> roll_at(Offset base_offset, Timestamp now);
  // Takes the room of a whole segment for the active one, with `preallocate`; gives back what it did not use.
  Result<> reserve_room();
  Result<> give_back_room();
  // A checked run of entries as a leader sent them.
  Result<> write_run(ByteView run, Timestamp now);
  void note_appended(const protocol::RecordBatch& batch, const std::optional<EndTransaction>& marker, Timestamp now);
  Result<> note_replicated(const Entry& entry, Timestamp now);

  // read
  Result<uint64_t> readable_size(Segment& segment, Offset upper_bound);
  Result<std::optional<FoundTimestamp>> find_record(Segment& segment, const Entry& entry, Timestamp timestamp);

  // producers' snapshots
  Result<> take_snapshot();
  Result<> rebuild_producers(Offset end, bool was_clean, Timestamp now);
  Result<> load_newest_snapshot(Offset end, Timestamp now);
  Result<> replay_producers(Offset end);
  Result<> replay_segment(Segment& segment, Offset from, Offset end);
  // Of those that are usable for a log that ends at `end`; kNoOffset: none.
  [[nodiscard]] Offset newest_snapshot(Offset end) const;
  void remove_snapshot(Offset offset);
  void keep_snapshots_for_segments();

  // segments
  void raise_log_start(Offset offset);
  Result<bool> breaches_retention(size_t i, Timestamp now, uint64_t kept_bytes);
  void delete_front_segments(size_t count);
  Result<> delete_segment_files(Segment& segment);

  // compaction
  [[nodiscard]] Offset first_dirty_offset() const;
  Result<Offset> first_uncleanable_offset(Offset first_dirty, Offset last_stable, Timestamp now);
  Result<bool> is_overdue(Offset first_dirty, Timestamp now);
  Result<> replace_segments();
  Result<> cancel_compaction();

  // A compacted segment on its way into the log.
  struct Swap {
    enum class Stage : uint8_t { kToBeNamed, kToReplace, kToBeRenamed, kDone };
    CompactedSegment segment;
    Stage stage = Stage::kToBeNamed;
    std::unique_ptr<Segment> fresh;                  // until it is among the others
    std::vector<std::unique_ptr<Segment>> replaced;  // whose files are still to be marked, last first
  };

  LogConfig config_;
  TopicPartition partition_;
  Uuid topic_id_;
  FilePool& pool_;
  LogFiles files_;
  std::vector<std::unique_ptr<Segment>> segments_;  // ascending; never empty once open
  Offset log_start_offset_;
  Offset log_end_offset_{0};
  Offset recovery_point_{0};
  LeaderEpochs epochs_;
  bool epochs_unsaved_ = false;
  ProducerState producers_;
  WithoutRoom without_room_;
  std::vector<Offset> snapshots_;           // of the snapshot files, ascending
  Offset last_snapshot_{0};                 // no other is taken at or below
  std::vector<Offset> unsynced_snapshots_;  // those that are not on the device yet
  Deletions deletions_;
  bool directory_unsynced_ = false;
  bool name_may_be_unsynced_ = false;
  // Something was written, or was tried to, since the log was opened from a folder that needed nothing. A leader's
  // epoch without a record does not count: when it is forgotten, the next one takes its place at the same offset.
  bool touched_ = false;
  bool flush_failed_ = false;
  std::optional<Offset> cleaned_before_;
  bool compacting_ = false;
  std::optional<Swap> swap_;
  uint64_t generation_ = 0;
  int64_t unflushed_records_ = 0;
  Timestamp last_flush_ = kNoTimestamp;
  // The bound of the last read that did not reach the end: where it lies in the file.
  struct {
    Offset bound = kNoOffset;
    Offset segment = kNoOffset;
    uint64_t position = 0;
  } last_bound_;
};

}  // namespace weir::storage
