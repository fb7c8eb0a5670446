#include "storage/log_directory.h"

#include <fmt/format.h>

#include "base/log.h"
#include "storage/checkpoint_text.h"

namespace weir::storage {
namespace {

constexpr std::string_view kMetaProperties = "meta.properties";
constexpr std::string_view kCleanShutdown = ".kafka_cleanshutdown";

std::string_view name_of(CheckpointKind kind) {
  switch (kind) {
    case CheckpointKind::kRecoveryPoint:
      return "recovery-point-offset-checkpoint";
    case CheckpointKind::kHighWatermark:
      return "replication-offset-checkpoint";
    case CheckpointKind::kLogStart:
      return "log-start-offset-checkpoint";
    case CheckpointKind::kCleaner:
      return "cleaner-offset-checkpoint";
  }
  return "";
}

}  // namespace

Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text) {
  TRY_ASSIGN(auto entries, parse_checkpoint_text(text, kOffsetCheckpointFields));
  OffsetCheckpoint checkpoint;
  for (const auto& fields : entries) {
    TRY_ASSIGN(int64_t index, parse_checkpoint_number(fields[1]));
    TRY_ASSIGN(int64_t offset, parse_checkpoint_number(fields[2]));
    if (index < 0 || index > INT32_MAX) return fail(Errc::kCorrupt, fmt::format("a checkpoint of partition {}", index));
    checkpoint[{std::string(fields[0]), PartitionIndex(static_cast<int32_t>(index))}] = Offset(offset);
  }
  return checkpoint;
}

std::string offset_checkpoint_text(const OffsetCheckpoint& checkpoint) {
  std::string text = fmt::format("0\n{}\n", checkpoint.size());
  for (const auto& [partition, offset] : checkpoint) {
    text += fmt::format("{} {} {}\n", partition.topic, partition.index.value(), offset.value());
  }
  return text;
}

Result<BrokerEpoch> parse_clean_shutdown(std::string_view text) {
  // {"version":0,"brokerEpoch":N}; blanks may stand between.
  constexpr std::string_view kKey = "\"brokerEpoch\"";
  const size_t key = text.find(kKey);
  const size_t digits = key == text.npos ? key : text.find_first_of("-0123456789", key + kKey.size());
  if (digits == text.npos) return fail(Errc::kCorrupt, "a clean-shutdown marker without a broker epoch");
  const size_t end = text.find_first_not_of("-0123456789", digits);
  TRY_ASSIGN(int64_t epoch, parse_checkpoint_number(text.substr(digits, end == text.npos ? end : end - digits)));
  return BrokerEpoch(epoch);
}

std::string clean_shutdown_text(BrokerEpoch epoch) {
  return fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", epoch.value());
}

Result<std::unique_ptr<LogDirectory>> LogDirectory::open(Disk& disk, std::string path) {
  TRY_ASSIGN(std::unique_ptr<DirectoryLock> lock, disk.lock(path));
  return std::unique_ptr<LogDirectory>(new LogDirectory(disk, std::move(path), std::move(lock)));
}

std::string LogDirectory::file(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

Result<MetaProperties> LogDirectory::read_meta_properties(Disk& disk, const std::string& directory) {
  TRY_ASSIGN(std::string text, disk.read_file(fmt::format("{}/{}", directory, kMetaProperties)));
  Result<MetaProperties> properties = parse_meta_properties(text);
  if (!properties) return fail(Errc::kCorrupt, fmt::format("{}: {}", directory, properties.error().message));
  return properties;
}

Result<> LogDirectory::write_meta_properties(Disk& disk, const std::string& directory,
                                             const MetaProperties& properties) {
  return disk.write_file_atomically(fmt::format("{}/{}", directory, kMetaProperties), meta_properties_text(properties));
}

Result<std::optional<BrokerEpoch>> LogDirectory::take_clean_shutdown() {
  Result<std::string> text = disk_.read_file(file(kCleanShutdown));
  if (!text && text.error().code == Errc::kNotFound) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  TRY(disk_.remove(file(kCleanShutdown)));
  // Durably: a marker that comes back after a crash would hide that crash.
  TRY(disk_.sync_directory(path_));
  Result<BrokerEpoch> epoch = parse_clean_shutdown(*text);
  if (!epoch) {
    log_warn("log", "ignored the epoch of a clean shutdown", kv("directory", path_),
             kv("error", epoch.error().message));
  }
  return epoch.value_or(BrokerEpoch(-1));
}

bool LogDirectory::was_left_clean(Disk& disk, const std::string& directory) {
  return disk.stat(fmt::format("{}/{}", directory, kCleanShutdown)).has_value();
}

Result<> LogDirectory::write_clean_shutdown(BrokerEpoch epoch) {
  return disk_.write_file_atomically(file(kCleanShutdown), clean_shutdown_text(epoch));
}

Result<OffsetCheckpoint> LogDirectory::read_checkpoint(CheckpointKind kind) {
  Result<std::string> text = disk_.read_file(file(name_of(kind)));
  if (!text && text.error().code == Errc::kNotFound) return OffsetCheckpoint();
  if (!text) return std::unexpected(text.error());
  Result<OffsetCheckpoint> checkpoint = parse_offset_checkpoint(*text);
  if (!checkpoint) {
    return fail(Errc::kCorrupt, fmt::format("{}: {}", file(name_of(kind)), checkpoint.error().message));
  }
  return checkpoint;
}

Result<> LogDirectory::write_checkpoint(CheckpointKind kind, const OffsetCheckpoint& checkpoint) {
  return disk_.write_file_atomically(file(name_of(kind)), offset_checkpoint_text(checkpoint));
}

Result<std::vector<LogDirectory::Listed>> LogDirectory::list_partitions() {
  TRY_ASSIGN(std::vector<FileInfo> entries, disk_.list(path_));
  std::vector<Listed> partitions;
  for (const FileInfo& entry : entries) {
    if (!entry.is_directory) continue;
    if (auto parsed = parse_partition_directory(entry.name)) {
      partitions.push_back({file(entry.name), *std::move(parsed)});
    }
  }
  return partitions;
}

}  // namespace weir::storage
