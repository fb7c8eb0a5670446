// FindCoordinator: which node coordinates a group.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/find_coordinator_request.h"
#include "protocol/messages/find_coordinator_response.h"

namespace weir::broker {

struct FindCoordinatorHandler {
  using Request = protocol::FindCoordinatorRequest;
  static constexpr VersionRange kVersions{0, 6};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::FindCoordinatorResponse& response);
};

}  // namespace weir::broker
