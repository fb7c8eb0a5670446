// DescribeQuorum: who leads the metadata log, and how far its replicas are.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_quorum_request.h"
#include "protocol/messages/describe_quorum_response.h"

namespace weir::broker {

struct DescribeQuorumHandler {
  using Request = protocol::DescribeQuorumRequest;
  static constexpr VersionRange kVersions{0, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeQuorumResponse& response);
};

}  // namespace weir::broker
