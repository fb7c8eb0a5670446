#include "broker/handlers/find_coordinator.h"

#include "broker/controller_client.h"
#include "broker/group_service.h"
#include "broker/shard.h"
#include "protocol/hash.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using Coordinator = protocol::FindCoordinatorResponse::Coordinator;

constexpr int8_t kGroup = 0;
constexpr int8_t kShare = 2;

Coordinator failed(std::string_view key, ErrorCode error, std::string_view message) {
  return {.key = key, .node_id = -1, .port = -1, .error_code = error_field(error), .error_message = message};
}

Coordinator find(RequestContext& context, std::string_view key, int8_t type) {
  if (type < kGroup || type > kShare)
    return failed(key, ErrorCode::kInvalidRequest, "There is no such type of coordinator.");
  if (type != kGroup) {
    return failed(key, ErrorCode::kUnsupportedVersion,
                  "This node coordinates groups only: transactions and share groups are not served.");
  }
  const quorum::MetadataImage& image = *context.image;
  const auto topic = image.topic(kConsumerOffsetsTopic);
  if (topic == nullptr) return failed(key, ErrorCode::kCoordinatorNotAvailable, "The coordinator is not available.");
  const auto count = static_cast<int32_t>(topic->partitions.size());
  const quorum::PartitionImage* partition = topic->partition(PartitionIndex(protocol::partition_for_id(key, count)));
  const quorum::BrokerImage* broker = partition == nullptr ? nullptr : image.broker(partition->leader);
  const quorum::NodeEndpoint* endpoint =
      broker == nullptr || broker->fenced ? nullptr : broker->endpoint(context.connection.listener_name);
  if (endpoint == nullptr) return failed(key, ErrorCode::kCoordinatorNotAvailable, "The coordinator is not available.");
  return {.key = key, .node_id = broker->id.value(), .host = endpoint->host, .port = endpoint->port};
}

}  // namespace

Task<Outcome> FindCoordinatorHandler::handle(RequestContext& context, const Request& request,
                                             protocol::FindCoordinatorResponse& response) {
  if (request.key_type == kGroup && context.shard.image()->topic(kConsumerOffsetsTopic) == nullptr) {
    co_await context.shard.node().controller->create_topics_automatically({std::string(kConsumerOffsetsTopic)}, {});
  }
  context.image = context.shard.image();
  if (context.version() >= 4) {
    for (const std::string_view key : request.coordinator_keys)
      response.coordinators.push_back(find(context, key, request.key_type));
    co_return Outcome::kReply;
  }
  const Coordinator found = find(context, request.key, request.key_type);
  response.error_code = found.error_code;
  response.error_message = found.error_code == 0 ? std::string_view("NONE") : found.error_message;
  response.node_id = found.node_id;
  response.host = found.host;
  response.port = found.port;
  co_return Outcome::kReply;
}

}  // namespace weir::broker
