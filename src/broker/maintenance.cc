#include "broker/maintenance.h"

#include <vector>

#include "base/log.h"
#include "base/sync.h"
#include "broker/config/broker_config.h"
#include "broker/log_dirs.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

// How often idle files are closed. A file that is used again is opened again, so the time need not be exact.
constexpr Duration kIdleCheckInterval = seconds(10);

Task<std::vector<CheckpointedPartition>> checkpointed_partitions(BrokerShard& shard) {
  std::vector<CheckpointedPartition> all;
  all.reserve(shard.partition_count());
  shard.for_each_partition([&](const std::shared_ptr<Partition>& partition) { add_checkpoints_of(*partition, all); });
  co_return all;
}

Task<void> apply_retention(BrokerShard& shard) {
  std::vector<std::shared_ptr<Partition>> partitions;
  shard.for_each_partition([&](const std::shared_ptr<Partition>& partition) { partitions.push_back(partition); });
  for (const auto& partition : partitions) {
    if (partition->stopped()) continue;
    const Result<> applied = co_await partition->apply_retention();
    if (!applied && !partition->stopped())
      log_error("log", "retention failed", kv("topic", partition->topic()), kv("why", applied.error().message));
  }
}

}  // namespace

Task<bool> close_partitions(BrokerShard& shard) {
  std::vector<std::shared_ptr<Partition>> partitions;
  shard.for_each_partition([&](const std::shared_ptr<Partition>& partition) { partitions.push_back(partition); });
  std::vector<Task<Result<>>> closing;
  for (const auto& partition : partitions) {
    partition->stop();
    // All at once: a device takes many syncs together in little more time than one.
    closing.push_back(call_on(shard.loop(), [partition] { return partition->close(); }));
  }
  bool clean = true;
  for (size_t i = 0; i < closing.size(); ++i) {
    const Result<> closed = co_await std::move(closing[i]);
    clean &= closed.has_value();
    if (!closed)
      log_error("partition", "was not closed cleanly", kv("topic", partitions[i]->topic()),
                kv("partition", partitions[i]->index()), kv("why", closed.error().message));
  }
  co_return clean;
}

void Maintenance::start() {
  const BrokerConfig& config = node_.config;
  Loop& loop = Loop::current();
  loop.spawn(every(milliseconds(config.high_watermark_interval_ms()),
                   [this] { return log_checkpoint_failure(Checkpoints::kHighWatermarks); }));
  loop.spawn(every(milliseconds(config.recovery_point_interval_ms()),
                   [this] { return log_checkpoint_failure(Checkpoints::kRecoveryPoints); }));
  // After a compaction the cleaner does this itself; what a truncation has changed can wait.
  loop.spawn(every(milliseconds(config.recovery_point_interval_ms()),
                   [this] { return log_checkpoint_failure(Checkpoints::kCleaned); }));
  loop.spawn(every(milliseconds(config.start_offset_interval_ms()),
                   [this] { return log_checkpoint_failure(Checkpoints::kLogStarts); }));
  loop.spawn(
      every(milliseconds(config.retention_check_interval_ms()), [this] { return on_each_shard(&apply_retention); }));
  loop.spawn(every(milliseconds(config.producer_id_check_interval_ms()), [this] {
    return on_each_shard([now = node_.seams.clock.wall()](BrokerShard& shard) -> Task<void> {
      shard.for_each_partition(
          [now](const std::shared_ptr<Partition>& partition) { partition->log().expire_producers(now); });
      co_return;
    });
  }));
  // Followers that come back say so themselves; that one does not fetch any more only time tells.
  loop.spawn(every(node_.replica_lag_max / 2, [this] {
    return on_each_shard([](BrokerShard& shard) -> Task<void> {
      shard.for_each_partition([](const std::shared_ptr<Partition>& partition) { partition->check_isr(); });
      co_return;
    });
  }));
  loop.spawn(every(kIdleCheckInterval, [this] {
    return on_each_shard([](BrokerShard& shard) -> Task<void> {
      shard.for_each_partition([](const std::shared_ptr<Partition>& partition) { partition->release_if_idle(); });
      co_return;
    });
  }));
}

Task<void> Maintenance::every(Duration interval, std::function<Task<void>()> work) {
  while (!stopping_) {
    co_await sleep_for(std::max<Duration>(interval, milliseconds(1)));
    if (!stopping_) co_await work();
  }
}

Task<void> Maintenance::on_each_shard(std::function<Task<void>(BrokerShard&)> work) {
  for (BrokerShard* shard : node_.shards) {
    co_await call_on(shard->loop(), [shard, &work] { return work(*shard); });
  }
}

Task<Result<>> Maintenance::write_checkpoints(Checkpoints which) {
  // One after the other, the collecting included: two would write the same temporary file from two disk threads, and
  // the older offsets might be the ones that stay.
  const AsyncMutex::Lock lock = co_await writing_checkpoints_.lock();
  LogDirs& dirs = *node_.log_dirs;
  std::vector<CheckpointedPartition> all = co_await dirs.not_served();
  for (BrokerShard* shard : node_.shards) {
    auto part = co_await call_on(shard->loop(), [shard] { return checkpointed_partitions(*shard); });
    all.insert(all.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  }
  co_return co_await dirs.write_checkpoints(std::move(all), which);
}

Task<void> Maintenance::log_checkpoint_failure(Checkpoints which) {
  if (const Result<> written = co_await write_checkpoints(which); !written) {
    log_error("log-dirs", "checkpoints cannot be written", kv("why", written.error().message));
  }
}

}  // namespace weir::broker
