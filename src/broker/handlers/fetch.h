// Fetch: record batches from offsets on, with sessions and long polling.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/fetch_request.h"
#include "protocol/messages/fetch_response.h"

namespace weir::broker {

struct FetchHandler {
  using Request = protocol::FetchRequest;
  static constexpr VersionRange kVersions{4, 18};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::FetchResponse& response);
};

}  // namespace weir::broker
