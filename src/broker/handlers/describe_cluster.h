// DescribeCluster: cluster id, controller and brokers; on the controllers' listener, the controllers.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_cluster_request.h"
#include "protocol/messages/describe_cluster_response.h"

namespace weir::broker {

struct DescribeClusterHandler {
  using Request = protocol::DescribeClusterRequest;
  static constexpr VersionRange kVersions{0, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeClusterResponse& response);
};

}  // namespace weir::broker
