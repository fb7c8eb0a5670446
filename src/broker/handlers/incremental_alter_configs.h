// IncrementalAlterConfigs: sets, deletes, appends to and subtracts from settings.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/incremental_alter_configs_request.h"
#include "protocol/messages/incremental_alter_configs_response.h"

namespace weir::broker {

struct IncrementalAlterConfigsHandler {
  using Request = protocol::IncrementalAlterConfigsRequest;
  static constexpr VersionRange kVersions{0, 1};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::IncrementalAlterConfigsResponse& response);
};

}  // namespace weir::broker
