// LogDirs: the data directories of a node: which logs lie where, in what state the last run left them, the checkpoints
// that the next run starts from, which directories have failed, and which take no new logs. Files are opened and closed
// on disk threads. Lives on the first loop; the functions that return tasks may be called on any shard and hop there.
// Formats: docs/formats/.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/seams.h"
#include "base/sync.h"
#include "base/uuid.h"
#include "broker/copy_throttle.h"
#include "broker/node_context.h"
#include "storage/log.h"
#include "storage/log_directory.h"

namespace weir::broker {

class BrokerShard;
class Partition;

// Where a log is, or shall be.
struct LogPlace {
  std::string directory;  // one of log.dirs
  Uuid id;                // of that directory
};

struct OpenedLog {
  std::unique_ptr<storage::Log> log;
  Offset checkpointed_high_watermark;
  LogPlace place;
  // Where a copy of it had begun to be made when the last run ended.
  std::optional<LogPlace> moving_to{};
};

// A log that shall be opened or made.
struct WantedLog {
  storage::TopicPartition partition;
  Uuid topic_id;
  Uuid assigned_directory;  // as the metadata say; may be a reserved one
  storage::LogConfig config;
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

// What can be said of a directory without looking into it.
struct DirectoryState {
  std::string path;      // as in log.dirs
  std::string absolute;  // as it is shown to others
  Uuid id;               // zero: it could not be read
  bool is_online;
  bool is_cordoned;
};

// What AlterReplicaLogDirs may name.
enum class TargetProblem : uint8_t { kUnknown, kOffline, kCordoned };

class LogDirs {
 public:
  // Partitions that are to come and shall be made in a directory that was named for them: more than one request of a
  // tool names, and few megabytes. What is above it is forgotten and goes where there is least.
  static constexpr size_t kPreferredMax = 20000;

  // Told on the first loop that a directory has failed (when no log of it is served any more), or that others are
  // cordoned than before.
  using ChangeListener = std::function<void()>;

  LogDirs(NodeContext& node, Loop& loop, std::vector<std::string> paths, std::string metadata_path)
      : node_(node), loop_(loop), paths_(std::move(paths)), metadata_path_(std::move(metadata_path)) {}

  // Locks the directories, checks that they belong to this node and to one cluster, reads their checkpoints. One that
  // cannot be read is offline from the start, but for that of the metadata and the last one. Blocks; before anything
  // else is called. kNotFound for a directory that is not formatted, kBusy for one in use, kInvalidArgument for one of
  // another node or cluster, kIo.
  Result<> open();

  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  // Of those that are online.
  [[nodiscard]] std::vector<Uuid> directory_ids() const;
  [[nodiscard]] std::vector<Uuid> cordoned_ids() const;
  [[nodiscard]] std::vector<DirectoryState> states() const;
  Task<std::vector<DirectoryState>> get_states();  // any shard
  // Of the broker at its last clean shutdown; -1 when that was none.
  [[nodiscard]] BrokerEpoch previous_epoch() const;
  void on_change(ChangeListener listener) { on_change_ = std::move(listener); }
  // Takes over the settings that may change while the node runs.
  void configure(const BrokerLayers& layers);

  // Any loop. The directory has failed, as an operation on it said: its logs are taken out of service. At once when it
  // is known already.
  void report_failure(const std::string& directory, std::string why);

  // Opens or makes the log of a partition of `shard`, which tells are_served() when its own checkpoints have it. A
  // folder of an older topic of that name is put aside. A log whose name may be unsynced is not served before
  // sync_names(). kUnavailable when it may lie in a directory that is offline; otherwise errors as Log::open.
  Task<Result<OpenedLog>> open_log(BrokerShard& shard, WantedLog wanted);
  // Makes the names of these logs of `directory` (one of log.dirs) durable, all at once. Errors as Log::open: they
  // cannot be served.
  Task<Result<>> sync_names(std::string directory, std::vector<storage::TopicPartition> logs);
  // Once, with the first image, when what it assigns is open: folders of partitions that were given to others, or
  // deleted, while this node was away are put aside, as Kafka does; they stay until somebody removes them.
  Task<void> put_strays_aside(const quorum::MetadataImage& image);
  // What the last run's checkpoints say of these is out of date from now on, for later logs of their names too.
  Task<void> are_served(std::vector<storage::TopicPartition> partitions);
  // What the last run's checkpoints say of logs that are not served yet, or cannot be: the next checkpoints must go on
  // saying it.
  Task<std::vector<CheckpointedPartition>> not_served();
  // Takes the log of a stopped partition out of service: when this returns its folder has another name, so that a new
  // topic may have the old one. The files go after file.delete.delay.ms.
  Task<void> delete_log(std::shared_ptr<Partition> partition);

  // ---- moves
  // Whether a partition may be moved to `path`, and where that is. A partition that is not here yet is made there when
  // it comes (`remember`).
  Task<std::expected<LogPlace, TargetProblem>> find_target(std::string path,
                                                           std::optional<storage::TopicPartition> remember);
  // Opens the folder that the copy is made in, a new one or that of the last run.
  Task<Result<std::unique_ptr<storage::Log>>> open_future(BrokerShard& shard, WantedLog wanted, LogPlace place);
  // A copy has taken the place of the log, or was given up: `folder` is counted no more and removed after `delay`.
  Task<void> remove_log(std::string directory, std::string folder, Duration delay);
  // How long to wait before so many bytes are asked for again; zero when they may be copied now
  // (replica.alter.log.dirs.io.max.bytes.per.second).
  Task<Duration> wait_to_copy(size_t bytes);
  // The name of the folder of `partition` while it is marked.
  std::string marked_folder(const std::string& directory, const storage::TopicPartition& partition,
                            storage::DirectoryKind kind);

  // First loop. Of two entries for a partition the later one holds. kIo, kNoSpace: the old ones are still there.
  Task<Result<>> write_checkpoints(std::vector<CheckpointedPartition> partitions, Checkpoints which);
  // The last step of a clean shutdown, for each directory whose logs could all be opened: one that was not recovered
  // must be at the next start. First loop; when nothing is opened any more.
  Task<Result<>> mark_clean(BrokerEpoch epoch);

 private:
  // What the checkpoints of the last run say of a partition.
  struct LastRun {
    Offset recovery_point;
    Offset high_watermark;
    std::optional<Offset> log_start;
    std::optional<Offset> cleaned_before;
  };
  // Syncs of a directory, so that one does for all who ask for it while another is under way.
  struct DirectorySync {
    uint64_t begun = 0;  // rounds
    uint64_t done = 0;   // the last round that succeeded
    bool under_way = false;
    WaitList ended;
  };
  struct Directory {
    std::string path;                              // as in log.dirs
    std::string absolute;                          // as it is shown to others
    std::unique_ptr<storage::LogDirectory> files;  // none: it could not be opened
    Uuid id;
    DirectorySync sync;
    bool is_online = false;
    bool is_cordoned = false;
    std::optional<BrokerEpoch> clean_epoch;  // none: the last run did not end cleanly
    size_t logs = 0;
    std::map<storage::TopicPartition, LastRun> not_served;
    std::map<storage::TopicPartition, std::string> futures;  // the folders of copies that the last run left
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
    std::optional<std::string> promoted{};  // a finished copy that is to get the name `path`
    std::vector<std::string> doubles{};     // folders of the same partition elsewhere
    std::optional<LogPlace> moving_to{};
  };

  Result<> open_directory(Directory& directory);
  Result<> check_owner(Directory& directory);
  Result<> read_checkpoints(Directory& directory);
  // Disk thread. How many.
  Result<size_t> put_strays_aside(Directory& directory, const quorum::MetadataImage& image);
  // Counts the logs, forgets what the checkpoints say of those that are gone, and removes old deletions.
  Result<> look_through(Directory& directory);
  [[nodiscard]] Directory* find(const std::string& path);
  [[nodiscard]] Directory* find(const Uuid& id);
  [[nodiscard]] bool any_offline() const;
  // Where the partition's folder is, or where it is to be made.
  Task<Result<Place>> place(WantedLog wanted);
  Result<Place> place_of_new(const WantedLog& wanted);
  Directory& emptiest();
  Task<std::vector<CheckpointedPartition>> checkpointed_of_last_run();
  Task<void> note_failed(Directory& directory, std::vector<storage::TopicPartition> logs);
  Task<void> fail(std::string path, std::string why);
  static Result<> write_checkpoints(Directory& directory, const std::vector<CheckpointedPartition>& partitions,
                                    Checkpoints which);
  storage::LogOptions options_for(BrokerShard& shard, const WantedLog& wanted, const Directory& directory,
                                  std::string path, const LastRun& last_run);
  // Makes the names that are in the directory now durable. First loop.
  Task<Result<>> sync_names(Directory& directory);
  // `log`, with the name of its folder on the device.
  Task<Result<std::unique_ptr<storage::Log>>> with_its_name(Directory& directory, std::unique_ptr<storage::Log> log);
  // Disk thread, all three. The last opens the folder; one of another topic id is renamed first.
  Result<> settle_names(const Place& place, const storage::TopicPartition& partition);
  static Result<std::unique_ptr<storage::Log>> open_flushed(const storage::LogOptions& options);
  Result<std::unique_ptr<storage::Log>> open_or_replace(storage::LogOptions options, const std::string& directory);
  Task<void> remove_later(std::string folder, Duration delay);

  NodeContext& node_;
  Loop& loop_;
  std::vector<std::string> paths_;
  std::string metadata_path_;
  std::string cluster_id_;
  std::string directory_of_cluster_;                     // the first that told it
  std::vector<std::unique_ptr<Directory>> directories_;  // one for each of paths_, in their order
  // Where partitions that are not here yet shall be made; at most kPreferredMax.
  std::map<storage::TopicPartition, std::string> preferred_;
  CopyThrottle throttle_;
  ChangeListener on_change_;
};

// Whether an error of the disk says that the directory it happened in is not to be used any more. A file that should be
// there and is not is one: somebody took the directory away.
constexpr bool is_device_failure(Errc code) { return code == Errc::kIo || code == Errc::kNotFound; }

// Of a partition's folder, the log directory that it lies in.
std::string parent_directory(const std::string& folder);

// What the checkpoints say of a partition, and of a copy of it that is being made.
void add_checkpoints_of(Partition& partition, std::vector<CheckpointedPartition>& into);

}  // namespace weir::broker
