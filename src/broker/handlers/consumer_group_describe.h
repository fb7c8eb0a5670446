// ConsumerGroupDescribe: state and members of groups of the consumer protocol.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/consumer_group_describe_request.h"
#include "protocol/messages/consumer_group_describe_response.h"

namespace weir::broker {

struct ConsumerGroupDescribeHandler {
  using Request = protocol::ConsumerGroupDescribeRequest;
  static constexpr VersionRange kVersions{0, 1};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::ConsumerGroupDescribeResponse& response);
};

}  // namespace weir::broker
