// OffsetFetch: how far groups have read.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/offset_fetch_request.h"
#include "protocol/messages/offset_fetch_response.h"

namespace weir::broker {

struct OffsetFetchHandler {
  using Request = protocol::OffsetFetchRequest;
  static constexpr VersionRange kVersions{1, 10};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::OffsetFetchResponse& response);
};

}  // namespace weir::broker
