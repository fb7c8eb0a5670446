// ElectLeaders: the preferred replica leads again, or any replica where none could.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/elect_leaders_request.h"
#include "protocol/messages/elect_leaders_response.h"

namespace weir::broker {

struct ElectLeadersHandler {
  using Request = protocol::ElectLeadersRequest;
  static constexpr VersionRange kVersions{0, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::ElectLeadersResponse& response);
};

}  // namespace weir::broker
