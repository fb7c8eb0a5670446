// The requests that nodes of the metadata quorum send to each other: RaftNode answers them, on its loop.
#pragma once

#include "broker/handlers/forward.h"

namespace weir::broker {

template <class RaftRequest, int16_t kVersionMin = RaftRequest::kMinVersion>
struct RaftHandler {
  using Request = RaftRequest;
  static constexpr VersionRange kVersions{kVersionMin, RaftRequest::kMaxStableVersion};
  static Task<Outcome> handle(RequestContext& context, const Request& request, typename Request::Response& response) {
    auto reply = co_await context.shard.node().controller->ask_raft(request, context.version(), context.frame_owner);
    response = std::move(reply.response);
    keep(context, std::move(reply));
    co_return Outcome::kReply;
  }
};

using VoteHandler = RaftHandler<protocol::VoteRequest>;
using BeginQuorumEpochHandler = RaftHandler<protocol::BeginQuorumEpochRequest>;
using EndQuorumEpochHandler = RaftHandler<protocol::EndQuorumEpochRequest>;
using RaftFetchHandler = RaftHandler<protocol::FetchRequest>;
using FetchSnapshotHandler = RaftHandler<protocol::FetchSnapshotRequest>;

}  // namespace weir::broker
