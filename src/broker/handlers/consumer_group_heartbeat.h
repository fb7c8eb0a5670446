// ConsumerGroupHeartbeat: all that a member of a group of the consumer protocol asks and is told.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/consumer_group_heartbeat_request.h"
#include "protocol/messages/consumer_group_heartbeat_response.h"

namespace weir::broker {

struct ConsumerGroupHeartbeatHandler {
  using Request = protocol::ConsumerGroupHeartbeatRequest;
  static constexpr VersionRange kVersions{0, 1};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::ConsumerGroupHeartbeatResponse& response);
};

}  // namespace weir::broker
