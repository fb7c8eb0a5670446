// GetTelemetrySubscriptions: which metrics a client is asked to push (KIP-714).
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/get_telemetry_subscriptions_request.h"
#include "protocol/messages/get_telemetry_subscriptions_response.h"

namespace weir::broker {

struct GetTelemetrySubscriptionsHandler {
  using Request = protocol::GetTelemetrySubscriptionsRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::GetTelemetrySubscriptionsResponse& response);
};

}  // namespace weir::broker
