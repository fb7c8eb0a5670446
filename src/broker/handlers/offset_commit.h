// OffsetCommit: stores how far a group has read.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/offset_commit_request.h"
#include "protocol/messages/offset_commit_response.h"

namespace weir::broker {

struct OffsetCommitHandler {
  using Request = protocol::OffsetCommitRequest;
  static constexpr VersionRange kVersions{2, 10};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::OffsetCommitResponse& response);
};

}  // namespace weir::broker
