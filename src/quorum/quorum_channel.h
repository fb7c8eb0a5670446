// QuorumChannel: how a member of the metadata quorum sends requests to the others. The node gives RaftNode one that
// speaks over its network; the simulator has its own. RaftNode's loop only.
#pragma once

#include <utility>

#include "protocol/connection/broker_connection.h"

namespace weir::quorum {

class QuorumChannel {
 public:
  virtual ~QuorumChannel() = default;

  // Sends the request to the node at `to`, in the highest version that both know, and waits for the answer. kClosed,
  // kTimedOut, kIo, kNotFound (no such host): the request may have been carried out. kUnsupported: the node lacks it.
  template <class Request>
  Task<Result<protocol::Received<typename Request::Response>>> call(Endpoint to, const Request& request,
                                                                    MonotonicTime deadline) {
    const protocol::Outgoing outgoing = protocol::outgoing_of(request);
    CO_TRY_ASSIGN(protocol::Incoming incoming, co_await exchange(std::move(to), outgoing, deadline));
    protocol::Received<typename Request::Response> received{.owner = std::move(incoming.owner),
                                                            .version = incoming.version};
    protocol::Reader in(incoming.body);
    CO_TRY(received.message.decode(in, received.version));
    co_return received;
  }

  // Ends what is under way with kClosed, and every later call.
  virtual void close() = 0;

 protected:
  // `request` lives until the answer is there.
  virtual Task<Result<protocol::Incoming>> exchange(Endpoint to, const protocol::Outgoing& request,
                                                    MonotonicTime deadline) = 0;
};

}  // namespace weir::quorum
