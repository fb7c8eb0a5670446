// MutationQuotas: controller_mutation_rate. The controller asks before it creates or deletes partitions. What was used
// is kept in memory only: a new controller begins with full buckets, as Kafka's does. Owned by the Controller; its
// loop.
#pragma once

#include "broker/quota/quota_sensor.h"
#include "broker/quota/quota_table.h"

namespace weir::broker {

class MutationQuotas;

// What one request may still change.
class MutationPermit {
 public:
  // Whether `partitions` may be created or deleted; they count if so.
  bool take(size_t partitions);
  // How long the client is to be throttled after this request.
  [[nodiscard]] std::chrono::milliseconds throttle() const { return throttle_; }

 private:
  friend class MutationQuotas;
  MutationQuotas* quotas_ = nullptr;  // none: no limit
  std::optional<QuotaLimit> limit_;
  bool is_strict_ = false;
  MonotonicTime now_{};
  std::chrono::milliseconds throttle_{};
};

class MutationQuotas {
 public:
  explicit MutationQuotas(QuotaWindows windows) : windows_(windows) {}

  void set_table(QuotaTable table) { table_ = std::move(table); }
  // For a request of a client; no user: a request of the cluster itself, which has no limit. Strict: what an overdrawn
  // bucket does not allow is refused; otherwise it is done, and the client throttled. The permit does not outlive the
  // next change of the table.
  MutationPermit open(std::string_view user, std::string_view client_id, bool is_strict, MonotonicTime now);

 private:
  friend class MutationPermit;
  QuotaWindows windows_;
  QuotaTable table_;
  SensorCache<TokenBucket> buckets_;
};

}  // namespace weir::broker
