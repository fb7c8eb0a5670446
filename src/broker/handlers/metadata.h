// Metadata: brokers, topics, partitions and their leaders; creates absent topics where that is on.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/metadata_request.h"
#include "protocol/messages/metadata_response.h"

namespace weir::broker {

struct MetadataHandler {
  using Request = protocol::MetadataRequest;
  static constexpr VersionRange kVersions{0, 13};
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::MetadataResponse& response);
};

}  // namespace weir::broker
