// Names of the files of a partition and of the folders that partitions lie in. Stateless; any thread.
// Format: docs/formats/README.md.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"
#include "storage/topic_partition.h"

namespace weir::storage {

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kOffsetIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
inline constexpr std::string_view kTransactionIndexSuffix = ".txnindex";
inline constexpr std::string_view kSnapshotSuffix = ".snapshot";
// Of the files that are a segment.
inline constexpr std::array kSegmentSuffixes{kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix};
// Behind one of the suffixes above.
inline constexpr std::string_view kDeletedSuffix = ".deleted";
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";

inline constexpr std::string_view kLeaderEpochFile = "leader-epoch-checkpoint";
inline constexpr std::string_view kPartitionMetadataFile = "partition.metadata";

// DIRECTORY/00000000000000000123SUFFIX
std::string offset_file(std::string_view directory, Offset offset, std::string_view suffix);

struct OffsetFileName {
  Offset offset;
  std::string_view suffix;  // all that follows the digits
};
// Nothing when `name` does not begin with 20 digits and a dot.
std::optional<OffsetFileName> parse_offset_file(std::string_view name);

enum class DirectoryKind : uint8_t {
  kLive,
  kDeleted,  // TOPIC-INDEX.HEX-delete: to be removed
  kFuture,   // TOPIC-INDEX.HEX-future: being copied from another log directory
  kStray,    // TOPIC-INDEX.HEX-stray: not in the metadata, kept aside
};

struct PartitionDirectory {
  TopicPartition partition;  // of kDeleted the topic may be cut short
  DirectoryKind kind;
};
// Nothing for folders that are none of a partition.
std::optional<PartitionDirectory> parse_partition_directory(std::string_view name);

// The name that a partition's folder takes before it is removed, moved or put aside: at most 255 characters, the topic
// being cut for it. `unique` (32 hexadecimal digits) keeps generations of one topic apart; `kind` is not kLive.
std::string marked_directory_name(const TopicPartition& partition, std::string_view unique, DirectoryKind kind);
// Whether that name holds the topic whole.
bool fits_marked_directory(const TopicPartition& partition, DirectoryKind kind);

}  // namespace weir::storage
