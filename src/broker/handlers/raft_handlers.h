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

// Changes of the set of voters are asked for by people too, who may ask any broker or controller: a broker passes them
// on to the one that leads the quorum.
template <class VoterRequest>
struct VoterChangeHandler {
  using Request = VoterRequest;
  static constexpr VersionRange kVersions{Request::kMinVersion, Request::kMaxStableVersion};
  static Task<Outcome> handle(RequestContext& context, const Request& request, typename Request::Response& response) {
    ControllerClient& controller = *context.shard.node().controller;
    if (context.connection.apis.is_controllers() || co_await controller.is_active()) {
      co_return co_await RaftHandler<Request>::handle(context, request, response);
    }
    auto reply = co_await controller.ask_leader(request, context.version(), context.frame_owner, requester_of(context));
    if (!reply) {
      response.error_code = error_field(protocol::ErrorCode::kRequestTimedOut);
      co_return Outcome::kReply;
    }
    response = std::move(reply->response);
    keep(context, std::move(*reply));
    co_return Outcome::kReply;
  }
};

using VoteHandler = RaftHandler<protocol::VoteRequest>;
using BeginQuorumEpochHandler = RaftHandler<protocol::BeginQuorumEpochRequest>;
using EndQuorumEpochHandler = RaftHandler<protocol::EndQuorumEpochRequest>;
using RaftFetchHandler = RaftHandler<protocol::FetchRequest>;
using FetchSnapshotHandler = RaftHandler<protocol::FetchSnapshotRequest>;
using UpdateRaftVoterHandler = RaftHandler<protocol::UpdateRaftVoterRequest>;
using AddRaftVoterHandler = VoterChangeHandler<protocol::AddRaftVoterRequest>;
using RemoveRaftVoterHandler = VoterChangeHandler<protocol::RemoveRaftVoterRequest>;

}  // namespace weir::broker
