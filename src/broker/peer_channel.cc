#include "broker/peer_channel.h"

namespace weir::broker {
namespace {

constexpr Duration kReconnectBackoff = milliseconds(20);
// An election must not wait for it.
constexpr Duration kReconnectBackoffMax = milliseconds(200);
constexpr Duration kIdleMax = std::chrono::minutes(9);

}  // namespace

PeerChannel::PeerChannel(const Seams& seams, Loop& loop, Duration request_timeout)
    : seams_(seams), loop_(loop), request_timeout_(request_timeout) {}

void PeerChannel::close() {
  closed_ = true;
  for (const auto& [endpoint, connection] : connections_) connection->close();
}

Task<Result<protocol::Incoming>> PeerChannel::exchange(Endpoint to, const protocol::Outgoing& request,
                                                       MonotonicTime deadline) {
  if (closed_) co_return fail(Errc::kClosed, "the node stops");
  auto& known = connections_[{to.host, to.port}];
  if (!known) {
    known = std::make_shared<protocol::BrokerConnection>(
        seams_.network, seams_.random, loop_,
        protocol::ConnectionOptions{.client_id = "weir-quorum",
                                    .connect_timeout = request_timeout_,
                                    .write_stall = request_timeout_,
                                    .reconnect_backoff = kReconnectBackoff,
                                    .reconnect_backoff_max = kReconnectBackoffMax,
                                    .idle_max = kIdleMax},
        kNoNode, to);
  }
  const auto connection = known;
  auto answer = co_await connection->send(request, deadline);
  // What was being connected meanwhile.
  if (closed_) connection->close();
  co_return answer;
}

}  // namespace weir::broker
