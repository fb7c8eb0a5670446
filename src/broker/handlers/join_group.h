// JoinGroup: enters a classic group, or its next generation.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/join_group_request.h"
#include "protocol/messages/join_group_response.h"

namespace weir::broker {

struct JoinGroupHandler {
  using Request = protocol::JoinGroupRequest;
  static constexpr VersionRange kVersions{0, 9};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::JoinGroupResponse& response);
};

}  // namespace weir::broker
