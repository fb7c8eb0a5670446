#include "broker/quota/quota_ledger.h"

#include <algorithm>

namespace weir::broker {

std::chrono::milliseconds QuotaLedger::charge(const QuotaLimit& limit, double amount, OverLimit over,
                                              MonotonicTime now) {
  SampledRate& rate = rates_.at(limit.key, now);
  rate.record(amount, now, windows_);
  std::chrono::milliseconds throttle = rate.excess(limit.bound, now, windows_);
  if (throttle > throttle.zero() && over == OverLimit::kIsTakenBack) rate.record(-amount, now, windows_);
  const QuotaKind kind = limit.key.kind;
  if (kind != QuotaKind::kRequest && kind != QuotaKind::kConnection) return throttle;
  return std::min(throttle, std::chrono::duration_cast<milliseconds>(windows_.size));
}

double QuotaLedger::burst(const QuotaLimit& limit) const {
  return limit.bound * std::chrono::duration<double>(windows_.size * (windows_.count - 1)).count();
}

}  // namespace weir::broker
