// Maintenance: what a node does by the clock: retention, flushes by time, checkpoints, forgetting idle producers,
// closing idle files. Lives on the first loop; the work is done on the shards.
#pragma once

#include <functional>

#include "base/seams.h"
#include "base/sync.h"
#include "broker/log_dirs.h"
#include "broker/node_context.h"

namespace weir::broker {

class BrokerShard;

// Flushes and closes every log of the shard, so that the next start needs no recovery; false when one could not be, and
// recovery must look at it. No appends may come any more.
Task<bool> close_partitions(BrokerShard& shard);

class Maintenance {
 public:
  explicit Maintenance(NodeContext& node) : node_(node) {}

  // Starts the periodic work on the current loop; it ends when the loop is cleared, or does nothing more after stop().
  void start();
  void stop() { stopping_ = true; }

  // Writes the checkpoints of all shards now. kIo, kNoSpace: the old ones are still there.
  Task<Result<>> write_checkpoints(Checkpoints which);

 private:
  Task<void> every(Duration interval, std::function<Task<void>()> work);
  // Runs `work` on each shard, one after the other.
  Task<void> on_each_shard(std::function<Task<void>(BrokerShard&)> work);
  Task<void> log_checkpoint_failure(Checkpoints which);

  NodeContext& node_;
  AsyncMutex writing_checkpoints_;
  bool stopping_ = false;
};

}  // namespace weir::broker
