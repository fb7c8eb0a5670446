// AlterConfigs: replaces all settings of a resource.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/alter_configs_request.h"
#include "protocol/messages/alter_configs_response.h"

namespace weir::broker {

struct AlterConfigsHandler {
  using Request = protocol::AlterConfigsRequest;
  static constexpr VersionRange kVersions{0, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::AlterConfigsResponse& response);
};

}  // namespace weir::broker
