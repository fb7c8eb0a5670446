#include "broker/quota/mutation_quotas.h"

namespace weir::broker {

MutationPermit MutationQuotas::open(std::string_view user, std::string_view client_id, bool is_strict,
                                    MonotonicTime now) {
  MutationPermit permit;
  if (user.empty()) return permit;
  permit.quotas_ = this;
  permit.limit_ = table_.find(QuotaKind::kControllerMutation, user, client_id);
  permit.is_strict_ = is_strict;
  permit.now_ = now;
  return permit;
}

bool MutationPermit::take(size_t partitions) {
  if (!limit_) return true;
  TokenBucket& bucket = quotas_->buckets_.at(limit_->key, now_);
  const auto debt = [&] { return bucket.debt(limit_->bound, now_, quotas_->windows_); };
  // A bucket may be overdrawn by one request: what asks for more than it ever holds must get through some day.
  if (is_strict_ && debt() > debt().zero()) {
    throttle_ = debt();
    return false;
  }
  bucket.take(static_cast<double>(partitions), limit_->bound, now_, quotas_->windows_);
  if (!is_strict_) throttle_ = debt();
  return true;
}

}  // namespace weir::broker
