// LeaveGroup: members leave a classic group.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/leave_group_request.h"
#include "protocol/messages/leave_group_response.h"

namespace weir::broker {

struct LeaveGroupHandler {
  using Request = protocol::LeaveGroupRequest;
  static constexpr VersionRange kVersions{0, 5};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::LeaveGroupResponse& response);
};

}  // namespace weir::broker
