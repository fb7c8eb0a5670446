// QuotaLedger: counts what the limited have used, and decides how long each is to be throttled. One for each shard, for
// those whose usage is counted there (docs/decisions/0011-quotas-at-home.md); that shard's loop only. Plain code, the
// time is handed in.
#pragma once

#include "broker/quota/quota_sensor.h"
#include "broker/quota/quota_table.h"

namespace weir::broker {

// What becomes of a charge that goes over the limit.
enum class OverLimit : uint8_t {
  kCounts,      // it has happened
  kIsTakenBack  // it does not happen: nothing is counted
};

class QuotaLedger {
 public:
  explicit QuotaLedger(QuotaWindows windows) : windows_(windows) {}

  // Counts `amount`, which is of the limit's kind, and yields how long whoever used it is to be throttled; zero within
  // the limit. Throttling by time and by connections takes at most one window, as in Kafka.
  std::chrono::milliseconds charge(const QuotaLimit& limit, double amount, OverLimit over, MonotonicTime now);
  // What can be used at once, after nothing was for long, without being throttled.
  [[nodiscard]] double burst(const QuotaLimit& limit) const;
  [[nodiscard]] size_t size() const { return rates_.size(); }

 private:
  QuotaWindows windows_;
  SensorCache<SampledRate> rates_;
};

}  // namespace weir::broker
