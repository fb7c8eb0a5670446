// ReplicationThrottle: decides whether replicas that are throttled may be copied now, so that no more than the rate
// goes over time. What is taken is paid for afterwards: a batch above the rate would never go otherwise. Plain values,
// time handed in; shared by all shards of a node, any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.h"
#include "broker/config/config_layers.h"

namespace weir::broker {

class ReplicationThrottle {
 public:
  // For how long a rate may keep everything from being copied before it is looked at again: it may have been raised.
  static constexpr Duration kLook = milliseconds(200);

  // Bytes a second; INT64_MAX: no limit, 0: nothing is copied. What was copied at another rate is paid for.
  void set_rate(int64_t bytes_per_second);
  // How long to wait before more may be copied; zero: it may be now.
  [[nodiscard]] Duration wait(MonotonicTime now) const;
  // So many bytes were copied.
  void record(uint64_t bytes, MonotonicTime now);

 private:
  std::atomic<int64_t> rate_ = INT64_MAX;
  std::atomic<Duration::rep> free_at_ = 0;  // what was copied is paid for then
};

// Those of a node: of what it sends to other replicas, and of what it fetches.
struct ReplicationThrottles {
  ReplicationThrottle leader;
  ReplicationThrottle follower;

  // Takes over leader.replication.throttled.rate and follower.replication.throttled.rate.
  void configure(const BrokerLayers& layers);
};

}  // namespace weir::broker
