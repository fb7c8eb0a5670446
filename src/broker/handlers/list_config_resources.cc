#include "broker/handlers/list_config_resources.h"

#include <algorithm>

#include "broker/shard.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using protocol::ListConfigResourcesResponse;
using quorum::ConfigResourceType;

constexpr auto kTypes = std::to_array<ConfigResourceType>(
    {ConfigResourceType::kGroup, ConfigResourceType::kClientMetrics, ConfigResourceType::kBrokerLogger,
     ConfigResourceType::kBroker, ConfigResourceType::kTopic});

// The resources of one type: brokers and topics all, groups and client-metrics subscriptions those with settings of
// their own, as there are no others to tell.
void list(RequestContext& context, ConfigResourceType type, ListConfigResourcesResponse& response) {
  const auto add = [&](std::string_view name) {
    response.config_resources.push_back({name, static_cast<int8_t>(type)});
  };
  switch (type) {
    case ConfigResourceType::kTopic:
      for (const auto& [name, topic] : context.image->topics_by_name) add(name);
      return;
    case ConfigResourceType::kBroker:
    case ConfigResourceType::kBrokerLogger:
      for (const auto& [id, broker] : context.image->brokers) {
        if (!broker->fenced) add(context.strings.keep(std::string_view(std::to_string(id.value()))));
      }
      return;
    case ConfigResourceType::kClientMetrics:
    case ConfigResourceType::kGroup:
      for (const auto& [resource, entries] : context.image->configs) {
        if (resource.type == type) add(resource.name);
      }
      return;
  }
}

}  // namespace

Task<Outcome> ListConfigResourcesHandler::handle(RequestContext& context, const Request& request,
                                                 ListConfigResourcesResponse& response) {
  context.image = context.shard.image();
  const auto is_known = [](int8_t type) {
    return std::ranges::find(kTypes, static_cast<ConfigResourceType>(type)) != kTypes.end();
  };
  if (!std::ranges::all_of(request.resource_types, is_known)) {
    response.error_code = error_field(ErrorCode::kUnsupportedVersion);
    co_return Outcome::kReply;
  }
  for (const ConfigResourceType type : kTypes) {
    // Version 0 has no types: it is the former ListClientMetricsResources.
    const auto& wanted = request.resource_types;
    const bool is_wanted = context.version() == 0
                               ? type == ConfigResourceType::kClientMetrics
                               : wanted.empty() || std::ranges::find(wanted, static_cast<int8_t>(type)) != wanted.end();
    if (is_wanted) list(context, type, response);
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
