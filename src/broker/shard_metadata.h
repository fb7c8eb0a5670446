// How one shard carries out a change of the metadata. On the shard's loop.
#pragma once

#include <vector>

#include "base/task.h"
#include "broker/partition_key.h"
#include "quorum/metadata_loader.h"

namespace weir::broker {

class BrokerShard;

// Opens, changes and deletes the partitions that this shard owns and that have a replica on this node. A log that
// cannot be opened is reported and its partition stays offline. Yields those that only found no room on the disk, to be
// tried again.
Task<std::vector<PartitionKey>> apply_to_partitions(BrokerShard& shard, const quorum::MetadataUpdate& update);

// Shows the new image to the requests of this shard, and takes up or lays down group coordinators.
Task<void> show_metadata(BrokerShard& shard, const quorum::MetadataUpdate& update);

}  // namespace weir::broker
