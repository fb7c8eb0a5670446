// ListConfigResources: what has settings.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/list_config_resources_request.h"
#include "protocol/messages/list_config_resources_response.h"

namespace weir::broker {

struct ListConfigResourcesHandler {
  using Request = protocol::ListConfigResourcesRequest;
  static constexpr VersionRange kVersions{0, 1};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::ListConfigResourcesResponse& response);
};

}  // namespace weir::broker
