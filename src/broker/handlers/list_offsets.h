// ListOffsets: offsets by timestamp, and the earliest, latest, and greatest-timestamp ones.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/list_offsets_request.h"
#include "protocol/messages/list_offsets_response.h"

namespace weir::broker {

struct ListOffsetsHandler {
  using Request = protocol::ListOffsetsRequest;
  static constexpr VersionRange kVersions{1, 11};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::ListOffsetsResponse& response);
};

}  // namespace weir::broker
