#include "broker/quota_service.h"

#include <limits>

#include "base/sync.h"
#include "broker/server/request_context.h"
#include "broker/shard.h"

namespace weir::broker {

size_t QuotaService::fetch_size_max(const RequestContext& context) const {
  const auto limit = table_.find(QuotaKind::kFetch, context.user(), context.client_id());
  if (!limit) return std::numeric_limits<size_t>::max();
  return static_cast<size_t>(std::min<double>(ledger_.burst(*limit), std::numeric_limits<int32_t>::max()));
}

Task<void> QuotaService::charge(RequestContext& context, QuotaKind kind, double amount, OverLimit over) {
  auto limit = table_.find(kind, context.user(), context.client_id());
  if (!limit) co_return;
  const std::vector<BrokerShard*>& shards = shard_.node().shards;
  BrokerShard* home = shards[QuotaKeyHash{}(limit->key) % shards.size()];
  std::chrono::milliseconds throttle{};
  if (home == &shard_) {
    throttle = ledger_.charge(*limit, amount, over, shard_.loop().now());
  } else {
    throttle = co_await call_on(home->loop(),
                                [home, limit = *std::move(limit), amount, over]() -> Task<std::chrono::milliseconds> {
                                  co_return home->quotas().ledger_.charge(limit, amount, over, home->loop().now());
                                });
  }
  context.throttle_for(kind, throttle);
}

Task<void> QuotaService::charge_time(RequestContext& context) {
  if (std::exchange(context.time_is_charged, true)) co_return;
  const Duration took = context.first_stretch.value_or(shard_.node().seams.clock.monotonic() - context.began);
  co_await charge(context, QuotaKind::kRequest, 100 * std::chrono::duration<double>(took).count());
}

std::chrono::milliseconds QuotaService::charge_connection(std::string_view address) {
  if (!table_.limits(QuotaKind::kConnection)) return {};
  const auto limit = table_.find_address(address);
  if (!limit) return {};
  return ledger_.charge(*limit, 1, OverLimit::kIsTakenBack, shard_.loop().now());
}

}  // namespace weir::broker
