// What brokers and controllers tell the active controller of themselves, and UnregisterBroker, which ends that: it
// decides, and answers when that is committed.
#pragma once

#include "broker/handlers/forward.h"

namespace weir::broker {

template <class ControllerRequest>
struct ControllerHandler {
  using Request = ControllerRequest;
  static constexpr VersionRange kVersions{Request::kMinVersion, Request::kMaxStableVersion};
  static Task<Outcome> handle(RequestContext& context, const Request& request, typename Request::Response& response) {
    return forward(context, request, response,
                   [&](protocol::ErrorCode error) { response.error_code = error_field(error); });
  }
};

struct BrokerHeartbeatHandler : ControllerHandler<protocol::BrokerHeartbeatRequest> {
  static Task<Outcome> handle(RequestContext& context, const Request& request, Request::Response& response) {
    // That this connection breaks is a hint that the broker has ended.
    context.connection.heartbeats_of = NodeId(request.broker_id);
    return ControllerHandler::handle(context, request, response);
  }
};

using BrokerRegistrationHandler = ControllerHandler<protocol::BrokerRegistrationRequest>;
using UnregisterBrokerHandler = ControllerHandler<protocol::UnregisterBrokerRequest>;
using AllocateProducerIdsHandler = ControllerHandler<protocol::AllocateProducerIdsRequest>;
using AlterPartitionHandler = ControllerHandler<protocol::AlterPartitionRequest>;
using AssignReplicasToDirsHandler = ControllerHandler<protocol::AssignReplicasToDirsRequest>;
using ControllerRegistrationHandler = ControllerHandler<protocol::ControllerRegistrationRequest>;

}  // namespace weir::broker
