// Begins moves of replicas between the log directories of this node. On the shard of the partition.
#pragma once

#include <memory>

#include "base/task.h"
#include "broker/log_dirs.h"
#include "protocol/error_code.h"

namespace weir::broker {

class BrokerShard;
class Partition;

// Moves the partition's log to `target`, in place of another move that is under way; a move to where the log is only
// ends that. kNone when it has begun, or there is nothing to do; KAFKA_STORAGE_ERROR when no copy can be made.
Task<protocol::ErrorCode> move_replica(BrokerShard& shard, std::shared_ptr<Partition> partition, LogPlace target);

// Goes on with a move that the last run had not finished.
Task<void> go_on_moving(BrokerShard& shard, std::shared_ptr<Partition> partition, LogPlace target);

}  // namespace weir::broker
