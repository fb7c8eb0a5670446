// NoPeers: the channel of a single voter, which has nobody to speak to.
#pragma once

#include "quorum/quorum_channel.h"

namespace weir::quorum {

class NoPeers final : public QuorumChannel {
 public:
  void close() override {}

 private:
  Task<Result<protocol::Incoming>> exchange(Endpoint to, const protocol::Outgoing&, MonotonicTime) override {
    co_return fail(Errc::kClosed, to.to_string());
  }
};

}  // namespace weir::quorum
