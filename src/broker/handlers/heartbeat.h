// Heartbeat: a member of a classic group is alive.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/heartbeat_request.h"
#include "protocol/messages/heartbeat_response.h"

namespace weir::broker {

struct HeartbeatHandler {
  using Request = protocol::HeartbeatRequest;
  static constexpr VersionRange kVersions{0, 4};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::HeartbeatResponse& response);
};

}  // namespace weir::broker
