// OffsetDelete: forgets committed offsets.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/offset_delete_request.h"
#include "protocol/messages/offset_delete_response.h"

namespace weir::broker {

struct OffsetDeleteHandler {
  using Request = protocol::OffsetDeleteRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::OffsetDeleteResponse& response);
};

}  // namespace weir::broker
