#include "broker/handlers/describe_configs.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "broker/config/config_layers.h"
#include "broker/handlers/topic_metadata.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using protocol::ErrorCode;
using quorum::ConfigResourceType;
using ResourceResult = DescribeConfigsResponse::DescribeConfigsResult;

void fail_with(ResourceResult& result, ErrorCode error, std::string_view message) {
  result.error_code = error_field(error);
  result.error_message = message;
}

// `name` must be this broker's id, or "" for all brokers where `may_be_empty`.
bool is_this_broker(RequestContext& context, std::string_view name, bool may_be_empty, ResourceResult& result) {
  const NodeId self = context.shard.node().node_id;
  int32_t id = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  std::string problem;
  if (name.empty()) {
    problem = "Broker id must not be empty";
  } else if (error != std::errc() || end != name.data() + name.size()) {
    problem = fmt::format("Broker id must be an integer, but it is: {}", name);
  } else if (NodeId(id) != self) {
    problem = fmt::format("Unexpected broker id, expected {}{} but received {}", self.value(),
                          may_be_empty ? " or empty string," : "", name);
  } else {
    return true;
  }
  fail_with(result, ErrorCode::kInvalidRequest, context.strings.keep(std::string_view(problem)));
  return false;
}

std::vector<ConfigDescription> describe_loggers() {
  std::vector<ConfigDescription> configs;
  for (Logger& logger : loggers()) {
    configs.push_back({.name = std::move(logger.name),
                       .value = std::string(log_level_name(logger.level)),
                       .source = ConfigSource::kDynamicLogger,
                       .is_read_only = false,
                       .is_sensitive = false,
                       .type = ConfigType::kUnknown,
                       .documentation = {},
                       .synonyms = {}});
  }
  return configs;
}

// The settings of a resource, or what is wrong with the resource in `result`.
std::vector<ConfigDescription> describe(RequestContext& context,
                                        const DescribeConfigsRequest::DescribeConfigsResource& resource,
                                        ResourceResult& result) {
  const quorum::MetadataImage& image = *context.image;
  const BrokerLayers layers = context.shard.node().layers(image);
  const std::string_view name = resource.resource_name;
  const auto type = static_cast<ConfigResourceType>(resource.resource_type);
  switch (type) {
    case ConfigResourceType::kTopic:
      if (!is_valid_topic_name(name)) {
        fail_with(result, ErrorCode::kInvalidTopicException, error_message(ErrorCode::kInvalidTopicException));
      } else if (image.topic(name) == nullptr) {
        fail_with(result, ErrorCode::kUnknownTopicOrPartition, "");
      } else {
        return describe_topic(image.config(type, name), layers);
      }
      return {};
    case ConfigResourceType::kBroker:
      if (name.empty()) return describe_cluster_defaults(layers);
      if (is_this_broker(context, name, true, result)) return describe_broker(layers);
      return {};
    case ConfigResourceType::kBrokerLogger:
      if (is_this_broker(context, name, false, result)) return describe_loggers();
      return {};
    case ConfigResourceType::kClientMetrics:
      if (!name.empty()) return describe_client_metrics(image.config(type, name), layers);
      fail_with(result, ErrorCode::kInvalidRequest, "Client metrics subscription name must not be empty");
      return {};
    case ConfigResourceType::kGroup:
      if (!name.empty()) return describe_group(image.config(type, name), layers);
      fail_with(result, ErrorCode::kInvalidRequest, "Group name must not be empty");
      return {};
  }
  fail_with(result, ErrorCode::kInvalidRequest, "This type of resource has no settings here.");
  return {};
}

void add(RequestContext& context, const ConfigDescription& config, const DescribeConfigsRequest& request,
         ResourceResult& result) {
  Arena& strings = context.strings;
  const auto kept = [&](const std::optional<std::string>& value) -> std::optional<std::string_view> {
    if (!value) return std::nullopt;
    return strings.keep(std::string_view(*value));
  };
  auto& out = result.configs.emplace_back();
  out.name = strings.keep(std::string_view(config.name));
  out.value = kept(config.value);
  out.read_only = config.is_read_only;
  out.config_source = static_cast<int8_t>(config.source);
  out.is_sensitive = config.is_sensitive;
  if (context.version() >= 3) {
    out.config_type = static_cast<int8_t>(config.type);
    out.documentation = std::nullopt;
    // Of a logger there is nothing to say; Kafka does not call that null.
    const bool is_logger = config.source == ConfigSource::kDynamicLogger;
    if (request.include_documentation || is_logger) out.documentation = config.documentation;
  }
  if (!request.include_synonyms) return;
  for (const ConfigSynonym& synonym : config.synonyms) {
    out.synonyms.push_back(
        {strings.keep(std::string_view(synonym.name)), kept(synonym.value), static_cast<int8_t>(synonym.source)});
  }
}

}  // namespace

Task<Outcome> DescribeConfigsHandler::handle(RequestContext& context, const Request& request,
                                             DescribeConfigsResponse& response) {
  context.image = context.shard.image();
  for (const auto& resource : request.resources) {
    ResourceResult& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    for (const ConfigDescription& config : describe(context, resource, result)) {
      const auto& keys = resource.configuration_keys;
      if (keys && !keys->empty() && std::ranges::find(*keys, config.name) == keys->end()) continue;
      add(context, config, request, result);
    }
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
