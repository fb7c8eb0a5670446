// ColdReads: has disk threads read what is not in the page cache, so that no loop waits for a device. Owned by a shard;
// loop thread only.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "base/seams.h"
#include "base/sync.h"
#include "broker/metrics/shard_metrics.h"
#include "broker/partition/partition.h"

namespace weir::broker {

class ColdReads {
 public:
  // Of one shard, at a time: enough to keep its share of the disk threads busy. Further ones wait for their turn on the
  // shard, at most one for each partition and each request that looks something up.
  static constexpr size_t kUnderWayMax = 8;
  // Nobody waits longer for what they look up: a client's request.timeout.ms.
  static constexpr Duration kLookUpPatience = seconds(30);

  // Counts in `metrics`; both outlive it.
  ColdReads(DiskThreads& threads, ShardMetrics& metrics) : threads_(threads), metrics_(metrics) {}

  // Reads the region into the page cache. kIo.
  Task<Result<>> bring_in(FileRegion region);

  // Calls look(log), which returns a Result, until nothing that it needs is missing in the page cache. kUnavailable
  // when the partition is stopped meanwhile, kTimedOut, errors of `look` and of the disk.
  template <class Look, class R = std::invoke_result_t<Look, storage::Log&>>
  Task<R> look_up(std::shared_ptr<Partition> partition, Look look) {
    const MonotonicTime deadline = Loop::current().now() + kLookUpPatience;
    while (!partition->stopped()) {
      R found = look(partition->log());
      if (found || found.error().code != Errc::kWouldBlock) co_return found;
      if (Loop::current().now() >= deadline) co_return fail(Errc::kTimedOut, "the disk is slow");
      CO_TRY(co_await bring_in(partition->log().missed()));
    }
    co_return fail(Errc::kUnavailable, partition->topic() + " was stopped");
  }

 private:
  DiskThreads& threads_;
  ShardMetrics& metrics_;
  size_t under_way_ = 0;
  WaitList turns_;
};

}  // namespace weir::broker
