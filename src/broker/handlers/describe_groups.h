// DescribeGroups: state and members of classic groups.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_groups_request.h"
#include "protocol/messages/describe_groups_response.h"

namespace weir::broker {

struct DescribeGroupsHandler {
  using Request = protocol::DescribeGroupsRequest;
  static constexpr VersionRange kVersions{0, 6};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeGroupsResponse& response);
};

}  // namespace weir::broker
