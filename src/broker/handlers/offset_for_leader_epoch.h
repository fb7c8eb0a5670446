// OffsetForLeaderEpoch: where a leader epoch ended, for clients that check for truncation.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/offset_for_leader_epoch_request.h"
#include "protocol/messages/offset_for_leader_epoch_response.h"

namespace weir::broker {

struct OffsetForLeaderEpochHandler {
  using Request = protocol::OffsetForLeaderEpochRequest;
  static constexpr VersionRange kVersions{2, 4};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::OffsetForLeaderEpochResponse& response);
};

}  // namespace weir::broker
