// PushTelemetry: metrics that a client pushes (KIP-714).
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/push_telemetry_request.h"
#include "protocol/messages/push_telemetry_response.h"

namespace weir::broker {

struct PushTelemetryHandler {
  using Request = protocol::PushTelemetryRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::PushTelemetryResponse& response);
};

}  // namespace weir::broker
