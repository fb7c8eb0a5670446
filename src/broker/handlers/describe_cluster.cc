#include "broker/handlers/describe_cluster.h"

#include "broker/handlers/topic_metadata.h"
#include "broker/shard.h"

namespace weir::broker {

using protocol::ErrorCode;

Task<Outcome> DescribeClusterHandler::handle(RequestContext& context, const Request& request,
                                             protocol::DescribeClusterResponse& response) {
  constexpr int8_t kBrokers = 1;
  if (request.endpoint_type != kBrokers) {
    const bool known = request.endpoint_type == 2;
    response.error_code = error_field(known ? ErrorCode::kMismatchedEndpointType : ErrorCode::kUnsupportedEndpointType);
    response.error_message =
        known ? "The request was sent to an endpoint of the wrong type." : "Unsupported endpoint type.";
    co_return Outcome::kReply;
  }
  context.image = context.shard.image();
  response.cluster_id = context.shard.node().cluster_id;
  for_each_endpoint(
      *context.image, context.connection.listener_name,
      [&](const quorum::BrokerImage& broker, const quorum::NodeEndpoint& endpoint) {
        if (broker.fenced && !request.include_fenced_brokers) return;
        response.brokers.push_back({broker.id.value(), endpoint.host, endpoint.port, broker.rack, broker.fenced});
        if (!broker.fenced && response.controller_id < 0) response.controller_id = broker.id.value();
      });
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  co_return Outcome::kReply;
}

}  // namespace weir::broker
