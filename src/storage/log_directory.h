// LogDirectory: one entry of log.dirs: its lock, its meta.properties, its checkpoints, its clean-shutdown marker and
// the partitions in it. All calls block: disk threads, or before the loops run. One thread at a time; the checkpoints
// of different names may be written at once. Formats: docs/formats/.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/seams.h"
#include "storage/file_names.h"
#include "storage/meta_properties.h"
#include "storage/topic_partition.h"

namespace weir::storage {

enum class CheckpointKind : uint8_t {
  kRecoveryPoint,  // all below is on the device
  kHighWatermark,
  kLogStart,  // only of logs whose start is above their first segment's
  kCleaner,   // where the part that compaction has not seen begins
};

using OffsetCheckpoint = std::map<TopicPartition, Offset>;

// Empty text is an empty checkpoint. kCorrupt.
Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text);
std::string offset_checkpoint_text(const OffsetCheckpoint& checkpoint);

// What the clean-shutdown marker says. kCorrupt.
Result<BrokerEpoch> parse_clean_shutdown(std::string_view text);
std::string clean_shutdown_text(BrokerEpoch epoch);

class LogDirectory {
 public:
  // Locks the directory, which must exist. kBusy when another process, Kafka's too, has it; kNotFound, kIo.
  static Result<std::unique_ptr<LogDirectory>> open(Disk& disk, std::string path);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string partition_path(const TopicPartition& partition) const {
    return path_ + "/" + partition.to_string();
  }

  // kNotFound: the directory is not formatted. kCorrupt, kIo.
  Result<MetaProperties> read_meta_properties() { return read_meta_properties(disk_, path_); }
  Result<> write_meta_properties(const MetaProperties& properties) {
    return write_meta_properties(disk_, path_, properties);
  }
  // The same without the lock, for formatting and for tools.
  static Result<MetaProperties> read_meta_properties(Disk& disk, const std::string& directory);
  static Result<> write_meta_properties(Disk& disk, const std::string& directory, const MetaProperties& properties);

  // The broker epoch of the clean stop that the directory was left by, if any; the marker is gone when this returns, so
  // that a crash from now on is seen as one. An unreadable marker counts with epoch -1.
  Result<std::optional<BrokerEpoch>> take_clean_shutdown();
  // Whether there is such a marker, which stays; for tools, without the lock.
  static bool was_left_clean(Disk& disk, const std::string& directory);
  // The last thing that is written at a clean stop.
  Result<> write_clean_shutdown(BrokerEpoch epoch);

  // Empty when there is none. kCorrupt (the caller goes on with an empty one: all logs are then recovered in full),
  // kIo.
  Result<OffsetCheckpoint> read_checkpoint(CheckpointKind kind);
  // Atomic and durable.
  Result<> write_checkpoint(CheckpointKind kind, const OffsetCheckpoint& checkpoint);

  struct Listed {
    std::string path;
    PartitionDirectory directory;
  };
  // The folders of partitions, in no order.
  Result<std::vector<Listed>> list_partitions();

 private:
  LogDirectory(Disk& disk, std::string path, std::unique_ptr<DirectoryLock> lock)
      : disk_(disk), path_(std::move(path)), lock_(std::move(lock)) {}
  [[nodiscard]] std::string file(std::string_view name) const;

  Disk& disk_;
  std::string path_;
  std::unique_ptr<DirectoryLock> lock_;
};

}  // namespace weir::storage
