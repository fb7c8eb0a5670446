// LogDirs: the data directories of a node: which logs lie where, in what state the last run left them, and the
// checkpoints that the next run starts from. Files are opened and closed on disk threads. Lives on the first loop; the
// functions that return tasks may be called on any shard and hop there. Formats: docs/formats/.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/seams.h"
#include "base/uuid.h"
#include "broker/node_context.h"
#include "storage/log.h"
#include "storage/log_directory.h"

namespace weir::broker {

class BrokerShard;
class Partition;

struct OpenedLog {
  std::unique_ptr<storage::Log> log;
  Offset checkpointed_high_watermark;
};

enum class Checkpoints : uint8_t { kHighWatermarks, kRecoveryPoints, kLogStarts, kAll };

// One partition's part in the checkpoints of its directory.
struct CheckpointedPartition {
  std::string directory;  // the log directory, not the partition's
  storage::TopicPartition partition;
  Offset recovery_point;
  Offset high_watermark;
  Offset log_start_offset;
  bool log_start_is_ahead;  // of its first segment: only then it must be remembered
};

class LogDirs {
 public:
  LogDirs(NodeContext& node, Loop& loop, std::vector<std::string> paths)
      : node_(node), loop_(loop), paths_(std::move(paths)) {}

  // Locks the directories, checks that they belong to this node and to one cluster, reads their checkpoints. Blocks;
  // before anything else is called. kNotFound for a directory that is not formatted, kBusy for one in use,
  // kInvalidArgument for one of another node or cluster, kIo.
  Result<> open();

  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  [[nodiscard]] std::vector<Uuid> directory_ids() const;
  // Of the broker at its last clean shutdown; -1 when that was none.
  [[nodiscard]] BrokerEpoch previous_epoch() const;

  // Opens or makes the log of a partition of `shard`. A folder of an older topic of that name is put aside. Errors as
  // Log::open.
  Task<Result<OpenedLog>> open_log(BrokerShard& shard, storage::TopicPartition partition, Uuid topic_id,
                                   storage::LogConfig config);
  // Takes the log of a stopped partition out of service: when this returns its folder has another name, so that a new
  // topic may have the old one. The files go after file.delete.delay.ms.
  Task<void> delete_log(std::shared_ptr<Partition> partition);

  // Blocks, on one disk thread at a time. kIo, kNoSpace: the old ones are still there.
  Result<> write_checkpoints(const std::vector<CheckpointedPartition>& partitions, Checkpoints which);
  // The last step of a clean shutdown, for each directory whose logs could all be opened: one that was not recovered
  // must be at the next start. Blocks.
  Result<> mark_clean(BrokerEpoch epoch);

 private:
  struct Directory {
    std::unique_ptr<storage::LogDirectory> files;
    Uuid id;
    std::optional<BrokerEpoch> clean_epoch;  // none: the last run did not end cleanly
    storage::OffsetCheckpoint recovery_points;
    storage::OffsetCheckpoint high_watermarks;
    storage::OffsetCheckpoint log_starts;
    size_t logs = 0;
    // A log could not be opened, so that what the last run left in it was not looked at. Disk threads.
    std::atomic<bool> has_unopened_log = false;
    // As last written: what has not changed is not written again.
    std::optional<storage::OffsetCheckpoint> written_recovery_points;
    std::optional<storage::OffsetCheckpoint> written_high_watermarks;
    std::optional<storage::OffsetCheckpoint> written_log_starts;
  };
  struct Place {
    Directory* directory;
    std::string path;
  };

  Result<> open_directory(const std::string& path);
  Result<> put_old_deletions_away(Directory& directory);
  // Where the partition's folder is, or where it is to be made: the directory with the fewest.
  Task<Place> place(storage::TopicPartition partition);
  // Opens the folder; one of another topic id is renamed first. Disk thread.
  Result<std::unique_ptr<storage::Log>> open_or_replace(storage::LogOptions options, Directory& directory);
  Task<void> remove_later(std::string folder, Duration delay);

  NodeContext& node_;
  Loop& loop_;
  std::vector<std::string> paths_;
  std::string cluster_id_;
  std::vector<std::unique_ptr<Directory>> directories_;
};

// What the checkpoints say of a partition.
CheckpointedPartition checkpoint_of(Partition& partition);

}  // namespace weir::broker
