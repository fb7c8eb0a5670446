// SyncGroup: the assignment of a generation.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/sync_group_request.h"
#include "protocol/messages/sync_group_response.h"

namespace weir::broker {

struct SyncGroupHandler {
  using Request = protocol::SyncGroupRequest;
  static constexpr VersionRange kVersions{0, 5};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::SyncGroupResponse& response);
};

}  // namespace weir::broker
