// PeerChannel: a node's way to the controllers of other nodes, a connection to each. Each answers one request at a
// time, so that requests which wait for each other need channels of their own. Owned by the node; its first loop only.
#pragma once

#include <map>
#include <memory>

#include "quorum/quorum_channel.h"

namespace weir::broker {

class PeerChannel final : public quorum::QuorumChannel {
 public:
  // All outlive the channel.
  PeerChannel(const Seams& seams, Loop& loop, Duration request_timeout);
  ~PeerChannel() override { close(); }

  void close() override;

 private:
  Task<Result<protocol::Incoming>> exchange(Endpoint to, const protocol::Outgoing& request,
                                            MonotonicTime deadline) override;

  Seams seams_;
  Loop& loop_;
  Duration request_timeout_;
  bool closed_ = false;
  // As many as there are voters and bootstrap servers, and those that took their places.
  std::map<std::pair<std::string, uint16_t>, std::shared_ptr<protocol::BrokerConnection>> connections_;
};

}  // namespace weir::broker
