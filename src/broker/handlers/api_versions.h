// ApiVersions: which APIs and versions, and which features, this node serves.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/api_versions_request.h"
#include "protocol/messages/api_versions_response.h"

namespace weir::broker {

struct ApiVersionsHandler {
  using Request = protocol::ApiVersionsRequest;
  static constexpr VersionRange kVersions{0, 4};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::ApiVersionsResponse& response);
};

}  // namespace weir::broker
