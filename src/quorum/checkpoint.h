// Checkpoint files: a snapshot of the metadata at an end offset of its log, and bootstrap.checkpoint, which has the
// same layout. The functions block, so they belong on a disk thread. Format: docs/formats/metadata-log.md.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/seams.h"
#include "base/types.h"
#include "quorum/metadata_record.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

// Everything below `end_offset` of the log is in it; `epoch` is that of the last record below.
struct SnapshotId {
  Offset end_offset{0};
  LeaderEpoch epoch{0};
  friend auto operator<=>(const SnapshotId&, const SnapshotId&) = default;
};

inline constexpr std::string_view kBootstrapCheckpoint = "bootstrap.checkpoint";
// Of files that were not finished and of files that are being removed.
inline constexpr std::string_view kPartSuffix = ".checkpoint.part";
inline constexpr std::string_view kDeletedSuffix = ".checkpoint.deleted";

// "00000000000000000018-0000000001.checkpoint".
std::string checkpoint_name(const SnapshotId& id);
// Nothing for names of other files.
std::optional<SnapshotId> parse_checkpoint_name(std::string_view name);

// What a checkpoint says before its records.
struct CheckpointHeader {
  Timestamp last_contained_time{0};  // of the last record below the end offset
  int16_t kraft_version = 0;
  VoterSet voters;  // only with kraft.version 1
};

struct CheckpointContent {
  CheckpointHeader header;
  std::string bytes;             // the file
  std::vector<ByteView> values;  // of its metadata records, views of `bytes`
};

// kNotFound, kIo, kCorrupt: not written to its end, or damaged.
Result<CheckpointContent> read_checkpoint(Disk& disk, const std::string& path);

// Makes the file `name` in `directory`, whole or not at all, durable, and read-only if `freeze`. kNoSpace, kIo: nothing
// is there but a part file.
struct CheckpointTarget {
  std::string directory;
  std::string name;
  LeaderEpoch epoch;
  bool freeze;
};
Result<> write_checkpoint(Disk& disk, const CheckpointTarget& target, const CheckpointHeader& header,
                          const MetadataRecords& records, Timestamp now);

// The records that a new cluster starts with: those of bootstrap.checkpoint in `metadata_log_dir`, or, where there is
// no such file, the default levels of the latest metadata.version. kCorrupt, kUnsupported, kIo.
Result<MetadataRecords> read_bootstrap_records(Disk& disk, const std::string& metadata_log_dir);

}  // namespace weir::quorum
