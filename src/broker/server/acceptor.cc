#include "broker/server/acceptor.h"

#include "base/log.h"
#include "broker/server/server_connection.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

// When no descriptors are left: long enough for some to be closed, short enough for clients that retry.
constexpr Duration kAcceptRetry = milliseconds(100);

void serve(BrokerShard& shard, const std::string& listener_name, Accepted& accepted) {
  std::unique_ptr<Connection> connection = accepted.attach(shard.loop());
  ConnectionInfo info{.id = shard.metrics().connections_accepted++,
                      .listener_name = listener_name,
                      .client = connection->peer(),
                      .local = connection->local()};
  auto served = std::make_shared<ServerConnection>(shard, std::move(connection), std::move(info));
  shard.loop().spawn(ServerConnection::run(std::move(served)));
}

}  // namespace

Task<void> Acceptor::run() {
  for (;;) {
    Result<std::unique_ptr<Accepted>> accepted = co_await listener_->accept();
    if (!accepted && accepted.error().code == Errc::kClosed) co_return;
    if (!accepted) {
      log_warn("listener", "cannot accept a connection", kv("listener", listener_name_),
               kv("why", accepted.error().message));
      co_await sleep_for(kAcceptRetry);
      continue;
    }
    BrokerShard& shard = *node_.shards[next_shard_++ % node_.shards.size()];
    shard.loop().post(
        [&shard, name = listener_name_, connection = *std::move(accepted)] { serve(shard, name, *connection); });
  }
}

}  // namespace weir::broker
