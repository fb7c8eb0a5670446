// The file partition.metadata, which says what topic a partition's folder belongs to. Blocks; any thread.
// Format: docs/formats/partition-metadata.md.
#pragma once

#include <string>

#include "base/seams.h"
#include "base/uuid.h"

namespace weir::storage {

// kNotFound, kCorrupt, kIo.
Result<Uuid> read_partition_metadata(Disk& disk, const std::string& directory);
// The content is on the device when it returns; the name is when the directory is synced. kIo, kNoSpace.
Result<> write_partition_metadata(Disk& disk, const std::string& directory, const Uuid& topic_id);

// The content of the file. kCorrupt.
Result<Uuid> parse_partition_metadata(std::string_view text);

}  // namespace weir::storage
