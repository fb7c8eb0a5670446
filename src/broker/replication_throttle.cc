#include "broker/replication_throttle.h"

#include <algorithm>

#include "broker/config/config_value.h"

namespace weir::broker {
namespace {

// What one answer costs at the most: a rate of a few bytes a second must not stop a replica for a year.
constexpr double kCostMaxSeconds = 3600;

int64_t rate_of(const BrokerLayers& layers, std::string_view name) {
  return parse_integer(broker_value(layers, name).value_or(""), 0, INT64_MAX).value_or(INT64_MAX);
}

}  // namespace

void ReplicationThrottle::set_rate(int64_t bytes_per_second) {
  if (rate_.exchange(bytes_per_second, std::memory_order_relaxed) == bytes_per_second) return;
  free_at_.store(0, std::memory_order_relaxed);
}

Duration ReplicationThrottle::wait(MonotonicTime now) const {
  const int64_t rate = rate_.load(std::memory_order_relaxed);
  if (rate == INT64_MAX) return Duration::zero();
  if (rate == 0) return kLook;
  const MonotonicTime free_at(Duration(free_at_.load(std::memory_order_relaxed)));
  return std::clamp(free_at - now, Duration::zero(), kLook);
}

void ReplicationThrottle::record(uint64_t bytes, MonotonicTime now) {
  const int64_t rate = rate_.load(std::memory_order_relaxed);
  if (rate == INT64_MAX || rate == 0) return;
  const double seconds = std::min(static_cast<double>(bytes) / static_cast<double>(rate), kCostMaxSeconds);
  const auto cost = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)).count();
  Duration::rep before = free_at_.load(std::memory_order_relaxed);
  // Time in which nothing was copied is not made up for.
  while (!free_at_.compare_exchange_weak(before, std::max(before, now.time_since_epoch().count()) + cost,
                                         std::memory_order_relaxed)) {
  }
}

void ReplicationThrottles::configure(const BrokerLayers& layers) {
  leader.set_rate(rate_of(layers, "leader.replication.throttled.rate"));
  follower.set_rate(rate_of(layers, "follower.replication.throttled.rate"));
}

}  // namespace weir::broker
