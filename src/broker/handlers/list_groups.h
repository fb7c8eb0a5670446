// ListGroups: the groups that this node coordinates.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/list_groups_request.h"
#include "protocol/messages/list_groups_response.h"

namespace weir::broker {

struct ListGroupsHandler {
  using Request = protocol::ListGroupsRequest;
  static constexpr VersionRange kVersions{0, 5};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::ListGroupsResponse& response);
};

}  // namespace weir::broker
