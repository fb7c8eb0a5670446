#include "broker/handlers/metadata.h"

#include "broker/controller_client.h"
#include "broker/handlers/forward.h"
#include "broker/handlers/topic_metadata.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::MetadataResponse;
using Topic = MetadataResponse::MetadataResponseTopic;

Topic describe(const quorum::MetadataImage& image, const quorum::TopicImage& topic, std::string_view listener,
               bool with_operations) {
  Topic out{.name = topic.name, .topic_id = topic.id, .is_internal = is_internal_topic(topic.name)};
  out.partitions.resize(topic.partitions.size());
  for (size_t i = 0; i < topic.partitions.size(); ++i) {
    fill_partition(image, static_cast<int32_t>(i), *topic.partitions[i], listener, out.partitions[i]);
  }
  if (with_operations) out.topic_authorized_operations = kAllTopicOperations;
  return out;
}

Topic failed(const protocol::MetadataRequest::MetadataRequestTopic& asked, ErrorCode error) {
  return {.error_code = error_field(error), .name = asked.name, .topic_id = asked.topic_id};
}

// The asked topics that do not exist and may be created.
std::vector<std::string> topics_to_create(RequestContext& context, const protocol::MetadataRequest& request) {
  std::vector<std::string> names;
  if (!request.topics || !request.allow_auto_topic_creation || !context.shard.node().auto_create_topics) return names;
  for (const auto& asked : *request.topics) {
    if (!asked.topic_id.is_zero() || !asked.name || !is_valid_topic_name(*asked.name)) continue;
    if (context.shard.image()->topic(*asked.name) == nullptr) names.emplace_back(*asked.name);
  }
  return names;
}

Topic describe_asked(RequestContext& context, const protocol::MetadataRequest& request,
                     const protocol::MetadataRequest::MetadataRequestTopic& asked) {
  const quorum::MetadataImage& image = *context.image;
  const bool by_id = !asked.topic_id.is_zero();
  if (by_id && asked.name && !asked.name->empty()) return failed(asked, ErrorCode::kInvalidRequest);
  if (!by_id && !asked.name) return failed(asked, ErrorCode::kInvalidRequest);
  if (!by_id && !is_valid_topic_name(*asked.name)) return failed(asked, ErrorCode::kInvalidTopicException);
  const auto topic = by_id ? image.topic(asked.topic_id) : image.topic(*asked.name);
  if (topic == nullptr) return failed(asked, by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition);
  return describe(image, *topic, context.connection.listener_name, request.include_topic_authorized_operations);
}

}  // namespace

Task<Outcome> MetadataHandler::handle(RequestContext& context, const Request& request, MetadataResponse& response) {
  // As it was before what is created here. Who has deleted a topic and asks whether it is gone must hear so, although
  // asking makes it anew; a client that wants to use it asks again, as Kafka has it.
  context.image = context.shard.image();
  if (const auto names = topics_to_create(context, request); !names.empty()) {
    co_await context.shard.node().controller->create_topics_automatically(names, requester_of(context));
  }
  const quorum::MetadataImage& image = *context.image;
  const std::string_view listener = context.connection.listener_name;
  for_each_endpoint(image, listener, [&](const quorum::BrokerImage& broker, const quorum::NodeEndpoint& endpoint) {
    if (broker.fenced) return;
    response.brokers.push_back({broker.id.value(), endpoint.host, endpoint.port, broker.rack});
  });
  response.cluster_id = context.shard.node().cluster_id;
  // Kafka names any running broker: requests for the controller are forwarded by whichever broker gets them.
  if (!response.brokers.empty()) response.controller_id = response.brokers.front().node_id;
  const bool all = !request.topics || (context.version() == 0 && request.topics->empty());
  if (all) {
    for (const auto& [name, topic] : image.topics_by_name) {
      response.topics.push_back(describe(image, *topic, listener, request.include_topic_authorized_operations));
    }
  } else {
    for (const auto& asked : *request.topics) response.topics.push_back(describe_asked(context, request, asked));
  }
  if (request.include_cluster_authorized_operations) response.cluster_authorized_operations = kAllClusterOperations;
  co_return Outcome::kReply;
}

}  // namespace weir::broker
