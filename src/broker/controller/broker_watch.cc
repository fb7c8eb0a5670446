#include "broker/controller/broker_watch.h"

#include "base/log.h"
#include "base/sync.h"

namespace weir::broker {
namespace {

// A process that dies closes its connections and its listeners one by one.
constexpr Duration kLookAfter[] = {milliseconds(0), milliseconds(50), milliseconds(500)};
constexpr Duration kPatience = seconds(1);

}  // namespace

void BrokerWatch::look(const std::shared_ptr<BrokerWatch>& self, const quorum::BrokerImage& broker) {
  const auto ended = self->ended_.find(broker.id);
  if (broker.fenced || broker.endpoints.empty() || (ended != self->ended_.end() && ended->second == broker.epoch))
    return;
  const quorum::NodeEndpoint& at = broker.endpoints.front();
  self->loop_.spawn(look_repeatedly(self, broker.id, broker.epoch, {at.host, at.port}));
}

Task<void> BrokerWatch::look_repeatedly(std::shared_ptr<BrokerWatch> self, NodeId id, BrokerEpoch epoch, Endpoint at) {
  for (const Duration delay : kLookAfter) {
    co_await sleep_for(delay);
    const auto connected = co_await self->network_.connect(self->loop_, at, self->loop_.now() + kPatience);
    if (self->stopped_) co_return;
    if (connected) continue;
    if (connected.error().code != Errc::kClosed) co_return;
    log_info("controller", "a broker has ended: nobody listens at its address", kv("broker", id), kv("address", at));
    self->ended_[id] = epoch;
    co_return self->on_end_(id, epoch);
  }
}

}  // namespace weir::broker
