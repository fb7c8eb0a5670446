// DescribeProducers: who writes to a partition with sequence numbers or in transactions.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_producers_request.h"
#include "protocol/messages/describe_producers_response.h"

namespace weir::broker {

struct DescribeProducersHandler {
  using Request = protocol::DescribeProducersRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeProducersResponse& response);
};

}  // namespace weir::broker
