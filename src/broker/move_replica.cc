#include "broker/move_replica.h"

#include "base/log.h"
#include "broker/partition/partition.h"
#include "broker/partition/replica_move.h"
#include "broker/shard.h"

namespace weir::broker {

using protocol::ErrorCode;

Task<ErrorCode> move_replica(BrokerShard& shard, std::shared_ptr<Partition> partition, LogPlace target) {
  const AsyncMutex::Lock lock = co_await shard.move_changes().lock();
  if (ReplicaMove* move = partition->move()) {
    if (move->target().directory == target.directory) co_return ErrorCode::kNone;
    const std::shared_ptr<ReplicaMove> former = move->shared_from_this();
    former->end(ReplicaMove::Ending::kCancelled);
    co_await former->ended();
  }
  if (partition->stopped()) co_return partition->check_leader(-1);
  if (partition->place().directory == target.directory) co_return ErrorCode::kNone;
  auto future = co_await shard.node().log_dirs->open_future(shard,
                                                            {.partition = partition->log().partition(),
                                                             .topic_id = partition->topic_id(),
                                                             .assigned_directory = target.id,
                                                             .config = partition->log().config()},
                                                            target);
  if (!future) {
    log_error("move", "cannot begin", kv("topic", partition->topic()), kv("partition", partition->index()),
              kv("to", target.directory), kv("why", future.error().message));
    co_return ErrorCode::kKafkaStorageError;
  }
  if (partition->stopped()) co_return ErrorCode::kKafkaStorageError;
  partition->begin_move(std::make_shared<ReplicaMove>(shard, *partition, *std::move(future), std::move(target)));
  co_return ErrorCode::kNone;
}

Task<void> go_on_moving(BrokerShard& shard, std::shared_ptr<Partition> partition, LogPlace target) {
  const ErrorCode begun = co_await move_replica(shard, partition, std::move(target));
  if (begun != ErrorCode::kNone) partition->give_up_unfinished_move();
}

}  // namespace weir::broker
