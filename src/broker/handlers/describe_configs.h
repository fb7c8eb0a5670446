// DescribeConfigs: settings with where they come from.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_configs_request.h"
#include "protocol/messages/describe_configs_response.h"

namespace weir::broker {

struct DescribeConfigsHandler {
  using Request = protocol::DescribeConfigsRequest;
  static constexpr VersionRange kVersions{1, 4};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeConfigsResponse& response);
};

}  // namespace weir::broker
