// Envelope: a request of a client that its broker sends on to the active controller.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/envelope_request.h"
#include "protocol/messages/envelope_response.h"

namespace weir::broker {

struct EnvelopeHandler {
  using Request = protocol::EnvelopeRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::EnvelopeResponse& response);
};

}  // namespace weir::broker
