// LogDirs: the data directories of a node: which logs lie where, in what state the last run left them, and the
// checkpoints that the next run starts from. Files are opened and closed on disk threads. Lives on the first loop; the
// functions that return tasks may be called on any shard and hop there. Formats: docs/formats/.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
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

enum class Checkpoints : uint8_t { kHighWatermarks, kRecoveryPoints, kLogStarts, kCleaned, kAll };

// One partition's part in the checkpoints of its directory.
struct CheckpointedPartition {
  std::string directory;  // the log directory, not the partition's
  storage::TopicPartition partition;
  Offset recovery_point;
  Offset high_watermark;
  Offset log_start_offset;
  bool log_start_is_ahead;  // of its first segment: only then it must be remembered
  std::optional<Offset> cleaned_before;
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

  // Opens or makes the log of a partition of `shard`, which tells are_served() when its own checkpoints have it. A
  // folder of an older topic of that name is put aside. Errors as Log::open.
  Task<Result<OpenedLog>> open_log(BrokerShard& shard, storage::TopicPartition partition, Uuid topic_id,
                                   storage::LogConfig config);
  // What the last run's checkpoints say of these is out of date from now on, for later logs of their names too.
  Task<void> are_served(std::vector<storage::TopicPartition> partitions);
  // What the last run's checkpoints say of logs that are not served yet, or cannot be: the next checkpoints must go on
  // saying it.
  Task<std::vector<CheckpointedPartition>> not_served();
  // Takes the log of a stopped partition out of service: when this returns its folder has another name, so that a new
  // topic may have the old one. The files go after file.delete.delay.ms.
  Task<void> delete_log(std::shared_ptr<Partition> partition);

  // Blocks, on one disk thread at a time. Of two entries for a partition the later one holds. kIo, kNoSpace: the old
  // ones are still there.
  Result<> write_checkpoints(const std::vector<CheckpointedPartition>& partitions, Checkpoints which);
  // The last step of a clean shutdown, for each directory whose logs could all be opened: one that was not recovered
  // must be at the next start. Blocks; when nothing is opened any more.
  Result<> mark_clean(BrokerEpoch epoch);

 private:
  // What the checkpoints of the last run say of a partition.
  struct LastRun {
    Offset recovery_point;
    Offset high_watermark;
    std::optional<Offset> log_start;
    std::optional<Offset> cleaned_before;
  };
  struct Directory {
    std::unique_ptr<storage::LogDirectory> files;
    Uuid id;
    std::optional<BrokerEpoch> clean_epoch;  // none: the last run did not end cleanly
    size_t logs = 0;
    std::map<storage::TopicPartition, LastRun> not_served;
    // Logs that could not be opened, so that what the last run left in them was not looked at.
    std::set<storage::TopicPartition> failed;
    // As last written: what has not changed is not written again.
    std::optional<storage::OffsetCheckpoint> written_recovery_points;
    std::optional<storage::OffsetCheckpoint> written_high_watermarks;
    std::optional<storage::OffsetCheckpoint> written_log_starts;
    std::optional<storage::OffsetCheckpoint> written_cleaned;
  };
  struct Place {
    Directory* directory;
    std::string path;
    LastRun last_run;
  };

  Result<> open_directory(const std::string& path);
  Result<> read_checkpoints(Directory& directory);
  // Counts the logs, forgets what the checkpoints say of those that are gone, and removes old deletions.
  Result<> look_through(Directory& directory);
  // Where the partition's folder is, or where it is to be made: the directory with the fewest.
  Task<Place> place(storage::TopicPartition partition);
  Task<std::vector<CheckpointedPartition>> checkpointed_of_last_run();
  Task<void> note_failed(Directory& directory, storage::TopicPartition partition);
  Result<std::unique_ptr<storage::Log>> open_flushed(const storage::LogOptions& options);
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
