// UpdateFeatures: raises and lowers the levels of features.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/update_features_request.h"
#include "protocol/messages/update_features_response.h"

namespace weir::broker {

struct UpdateFeaturesHandler {
  using Request = protocol::UpdateFeaturesRequest;
  static constexpr VersionRange kVersions{0, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::UpdateFeaturesResponse& response);
};

}  // namespace weir::broker
