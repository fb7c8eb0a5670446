#include "broker/server/acceptor.h"

#include "base/log.h"
#include "broker/quota_service.h"
#include "broker/server/server_connection.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

// When no descriptors are left: long enough for some to be closed, short enough for clients that retry.
constexpr Duration kAcceptRetry = milliseconds(100);

// With as many connections as are allowed: how often the limit is looked at again, since it may be raised meanwhile.
constexpr Duration kLimitRetry = seconds(1);

// Connections that are held before they are closed, so that their clients do not try again at once: enough for many
// clients, few enough to leave descriptors for others.
constexpr size_t kHeldMax = 1024;

}  // namespace

Acceptor::Acceptor(NodeContext& node, const ApiTable& apis, std::string listener_name,
                   std::unique_ptr<Listener> listener)
    : node_(node), apis_(apis), listener_name_(std::move(listener_name)), listener_(std::move(listener)) {}

const ConnectionLimits& Acceptor::limits() {
  const std::shared_ptr<const quorum::MetadataImage>& image = node_.shards.front()->image();
  if (limits_ && image == limits_image_) return *limits_;
  Result<ConnectionLimits> now = ConnectionLimits::of(node_.layers(*image));
  // The file's were checked at start; a dynamic value that is wrong leaves what there was.
  if (now) limits_ = *std::move(now);
  if (!limits_) limits_ = *ConnectionLimits::of({.static_broker = node_.static_settings});
  limits_image_ = image;
  return *limits_;
}

Task<void> Acceptor::run() {
  home_ = &Loop::current();
  for (;;) {
    while (open_ >= limits().open_max) co_await released_.wait_until(Loop::current().now() + kLimitRetry);
    Result<std::unique_ptr<Accepted>> accepted = co_await listener_->accept();
    if (!accepted && accepted.error().code == Errc::kClosed) co_return;
    if (!accepted) {
      log_warn("listener", "cannot accept a connection", kv("listener", listener_name_),
               kv("why", accepted.error().message));
      co_await sleep_for(kAcceptRetry);
      continue;
    }
    const std::string host = (*accepted)->peer().host;
    BrokerShard& here = *node_.shards.front();
    if (const auto throttle = here.quotas().charge_connection(host); throttle > throttle.zero()) {
      here.metrics().count_throttle(QuotaKind::kConnection, throttle);
      if (held_ < kHeldMax) home_->spawn(hold(*std::move(accepted), throttle));
      continue;
    }
    // Kafka closes what one address has too many of.
    if (open_per_host_[host] >= limits().per_host(host)) continue;
    ++open_per_host_[host];
    ++open_;
    BrokerShard& shard = *node_.shards[next_shard_++ % node_.shards.size()];
    shard.loop().post([this, &shard, connection = *std::move(accepted)]() mutable {
      shard.loop().spawn(serve(shard, std::move(connection)));
    });
  }
}

Task<void> Acceptor::serve(BrokerShard& shard, std::unique_ptr<Accepted> accepted) {
  const std::string host = accepted->peer().host;
  {
    std::unique_ptr<Connection> connection = accepted->attach(shard.loop());
    ConnectionInfo info{.id = shard.metrics().connections_accepted++,
                        .apis = apis_,
                        .listener_name = listener_name_,
                        .client = connection->peer(),
                        .local = connection->local()};
    co_await ServerConnection::run(std::make_shared<ServerConnection>(shard, std::move(connection), std::move(info)));
  }
  home_->post([this, host] { released(host); });
}

Task<void> Acceptor::hold(std::unique_ptr<Accepted> accepted, Duration time) {
  ++held_;
  co_await sleep_for(time);
  accepted.reset();
  --held_;
}

void Acceptor::released(const std::string& host) {
  --open_;
  if (--open_per_host_[host] == 0) open_per_host_.erase(host);
  released_.notify_one();
}

}  // namespace weir::broker
