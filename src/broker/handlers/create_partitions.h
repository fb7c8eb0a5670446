// CreatePartitions: more partitions for topics.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/create_partitions_request.h"
#include "protocol/messages/create_partitions_response.h"

namespace weir::broker {

struct CreatePartitionsHandler {
  using Request = protocol::CreatePartitionsRequest;
  static constexpr VersionRange kVersions{0, 3};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::CreatePartitionsResponse& response);
};

}  // namespace weir::broker
