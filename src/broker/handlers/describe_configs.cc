#include "broker/handlers/describe_configs.h"

#include <algorithm>
#include <charconv>

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

// The settings of a resource, or what is wrong with the resource in `result`.
std::vector<ConfigDescription> describe(RequestContext& context,
                                        const DescribeConfigsRequest::DescribeConfigsResource& resource,
                                        ResourceResult& result) {
  const quorum::MetadataImage& image = *context.image;
  const NodeContext& node = context.shard.node();
  const BrokerLayers layers = node.layers(image);
  switch (static_cast<ConfigResourceType>(resource.resource_type)) {
    case ConfigResourceType::kTopic:
      if (!is_valid_topic_name(resource.resource_name)) {
        fail_with(result, ErrorCode::kInvalidTopicException,
                  "The request attempted to perform an operation on an invalid topic.");
      } else if (image.topic(resource.resource_name) == nullptr) {
        fail_with(result, ErrorCode::kUnknownTopicOrPartition, "This server does not host this topic-partition.");
      } else {
        return describe_topic(image.config(ConfigResourceType::kTopic, resource.resource_name), layers);
      }
      return {};
    case ConfigResourceType::kBroker: {
      if (resource.resource_name.empty()) return describe_cluster_defaults(layers);
      int32_t id = -1;
      const auto parsed = std::from_chars(resource.resource_name.data(),
                                          resource.resource_name.data() + resource.resource_name.size(), id);
      if (parsed.ec == std::errc() && NodeId(id) == node.node_id) return describe_broker(layers);
      fail_with(result, ErrorCode::kInvalidRequest,
                context.strings.keep(
                    std::string_view(fmt::format("Unexpected broker id, expected {} or empty string, but received {}",
                                                 node.node_id.value(), resource.resource_name))));
      return {};
    }
    case ConfigResourceType::kGroup:
      return describe_group(image.config(ConfigResourceType::kGroup, resource.resource_name), layers);
    default:
      fail_with(result, ErrorCode::kInvalidRequest, "This type of resource has no settings here.");
      return {};
  }
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
    if (request.include_documentation) out.documentation = config.documentation;
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
    result.error_message = std::nullopt;
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
