// How one shard carries out a change of the metadata. On the shard's loop.
#pragma once

#include "base/task.h"
#include "quorum/metadata_loader.h"

namespace weir::broker {

class BrokerShard;

// Opens, changes and deletes the partitions that this shard owns and that have a replica on this node. A log that
// cannot be opened is reported and its partition stays offline.
Task<void> apply_to_partitions(BrokerShard& shard, const quorum::MetadataUpdate& update);

// Shows the new image to the requests of this shard, and takes up or lays down group coordinators.
Task<void> show_metadata(BrokerShard& shard, const quorum::MetadataUpdate& update);

}  // namespace weir::broker
