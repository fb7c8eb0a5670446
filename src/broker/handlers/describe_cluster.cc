#include "broker/handlers/describe_cluster.h"

#include "broker/controller_client.h"
#include "broker/handlers/topic_metadata.h"
#include "broker/shard.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// The numbers are those of the wire.
enum class EndpointType : int8_t { kBrokers = 1, kControllers = 2 };

// Whether the request came to the kind of endpoint that it asks about.
bool is_for_this_endpoint(RequestContext& context, int8_t asked, protocol::DescribeClusterResponse& response) {
  const bool is_controllers = context.connection.apis.is_controllers();
  const auto own = is_controllers ? EndpointType::kControllers : EndpointType::kBrokers;
  if (static_cast<EndpointType>(asked) == own) return true;
  if (asked != static_cast<int8_t>(EndpointType::kBrokers) &&
      asked != static_cast<int8_t>(EndpointType::kControllers)) {
    response.error_code = error_field(ErrorCode::kUnsupportedEndpointType);
    response.error_message = "Unsupported endpoint type.";
    return false;
  }
  // Version 0 knows of no types of endpoints.
  response.error_code =
      error_field(context.version() == 0 ? ErrorCode::kInvalidRequest : ErrorCode::kMismatchedEndpointType);
  response.error_message = is_controllers ? "The request was sent to a controller, but asks for brokers."
                                          : "The request was sent to a broker, but asks for controllers.";
  return false;
}

void add_brokers(const RequestContext& context, bool with_fenced, protocol::DescribeClusterResponse& response) {
  for_each_endpoint(
      *context.image, context.connection.listener_name,
      [&](const quorum::BrokerImage& broker, const quorum::NodeEndpoint& endpoint) {
        if (broker.fenced && !with_fenced) return;
        response.brokers.push_back({broker.id.value(), endpoint.host, endpoint.port, broker.rack, broker.fenced});
        if (!broker.fenced && response.controller_id < 0) response.controller_id = broker.id.value();
      });
}

// Those that have registered.
void add_controllers(const RequestContext& context, protocol::DescribeClusterResponse& response) {
  for (const auto& [id, controller] : context.image->controllers) {
    for (const quorum::NodeEndpoint& endpoint : controller->endpoints) {
      if (endpoint.name != context.connection.listener_name) continue;
      response.brokers.push_back({id.value(), endpoint.host, endpoint.port, std::nullopt, false});
    }
  }
}

}  // namespace

Task<Outcome> DescribeClusterHandler::handle(RequestContext& context, const Request& request,
                                             protocol::DescribeClusterResponse& response) {
  context.image = context.shard.image();
  const bool is_controllers = context.connection.apis.is_controllers();
  if (is_controllers && !context.image->metadata_version().has_controller_registration()) {
    // Nobody knows where the controllers are: the tool must ask a broker instead of waiting for them.
    response.error_code = error_field(ErrorCode::kUnsupportedVersion);
    response.error_message = "Direct-to-controller communication is not supported with the current MetadataVersion.";
    co_return Outcome::kReply;
  }
  if (!is_for_this_endpoint(context, request.endpoint_type, response)) co_return Outcome::kReply;
  response.cluster_id = context.shard.node().cluster_id;
  response.endpoint_type = request.endpoint_type;
  if (is_controllers) {
    add_controllers(context, response);
    response.controller_id = (co_await context.shard.node().controller->describe_quorum()).leader.value();
  } else {
    add_brokers(context, request.include_fenced_brokers, response);
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  co_return Outcome::kReply;
}

}  // namespace weir::broker
