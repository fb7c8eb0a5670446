// DeleteGroups: removes empty groups with their offsets.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/delete_groups_request.h"
#include "protocol/messages/delete_groups_response.h"

namespace weir::broker {

struct DeleteGroupsHandler {
  using Request = protocol::DeleteGroupsRequest;
  static constexpr VersionRange kVersions{0, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DeleteGroupsResponse& response);
};

}  // namespace weir::broker
