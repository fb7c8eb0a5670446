#include "broker/handlers/describe_cluster.h"

#include "broker/controller_client.h"
#include "broker/handlers/topic_metadata.h"
#include "broker/shard.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

constexpr int8_t kBrokers = 1;
constexpr int8_t kControllers = 2;

// The voters, and which of them leads. Kafka's tools ask that when they are pointed at a controller.
Task<void> describe_controllers(RequestContext& context, protocol::DescribeClusterResponse& response) {
  const auto info =
      std::make_shared<const quorum::QuorumInfo>(co_await context.shard.node().controller->describe_quorum());
  context.owners.push_back(info);
  response.endpoint_type = kControllers;
  response.controller_id = info->leader.value();
  for (const auto& [id, voter] : info->voter_set.voters()) {
    for (const quorum::VoterEndpoint& endpoint : voter.endpoints) {
      if (endpoint.listener != context.connection.listener_name) continue;
      response.brokers.push_back({id.value(), endpoint.host, endpoint.port});
    }
  }
}

}  // namespace

Task<Outcome> DescribeClusterHandler::handle(RequestContext& context, const Request& request,
                                             protocol::DescribeClusterResponse& response) {
  const bool is_controller = context.connection.apis.is_controllers();
  if (request.endpoint_type != (is_controller ? kControllers : kBrokers)) {
    const bool known = request.endpoint_type == kBrokers || request.endpoint_type == kControllers;
    response.error_code = error_field(known ? ErrorCode::kMismatchedEndpointType : ErrorCode::kUnsupportedEndpointType);
    response.error_message =
        known ? "The request was sent to an endpoint of the wrong type." : "Unsupported endpoint type.";
    co_return Outcome::kReply;
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  response.cluster_id = context.shard.node().cluster_id;
  if (is_controller) {
    co_await describe_controllers(context, response);
    co_return Outcome::kReply;
  }
  context.image = context.shard.image();
  for_each_endpoint(
      *context.image, context.connection.listener_name,
      [&](const quorum::BrokerImage& broker, const quorum::NodeEndpoint& endpoint) {
        if (broker.fenced && !request.include_fenced_brokers) return;
        response.brokers.push_back({broker.id.value(), endpoint.host, endpoint.port, broker.rack, broker.fenced});
        if (!broker.fenced && response.controller_id < 0) response.controller_id = broker.id.value();
      });
  co_return Outcome::kReply;
}

}  // namespace weir::broker
