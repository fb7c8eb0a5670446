// What a node decides of a change of settings before the active controller does: its own log levels, and a broker also
// whether it could live with settings that are for it. Shared by AlterConfigs and IncrementalAlterConfigs; any shard.
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/controller/config_change.h"
#include "broker/handlers/forward.h"

namespace weir::broker {

// One resource of a request.
struct ConfigRequest {
  int8_t resource_type;
  std::string_view resource_name;
  bool is_incremental;
  bool validate_only;
  std::vector<ConfigEdit> edits;
};

// The answer; kNone: done. Nothing: the controller has to decide.
std::optional<ApiError> preprocess(const NodeContext& node, const quorum::MetadataImage& image,
                                   const ConfigRequest& request);
// The same on the controllers' listener, to which settings of any broker come, sent on by that broker or straight from
// a tool.
std::optional<ApiError> preprocess_at_controller(const NodeContext& node, const ConfigRequest& request);

// Takes out what is decided here, forwards the rest, and answers in the order of the request.
template <class Request, class Response>
Task<Outcome> alter_configs(RequestContext& context, const Request& request, Response& response, bool is_incremental) {
  context.image = context.shard.image();
  std::map<std::pair<int8_t, std::string_view>, int> counts;
  for (const auto& resource : request.resources) ++counts[{resource.resource_type, resource.resource_name}];
  Request rest;
  rest.validate_only = request.validate_only;
  for (const auto& resource : request.resources) {
    auto& result = response.responses.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    result.error_message.reset();
    std::optional<ApiError> decided;
    if (counts[{resource.resource_type, resource.resource_name}] > 1) {
      decided = ApiError{protocol::ErrorCode::kInvalidRequest, "Each resource must appear at most once."};
    } else {
      const NodeContext& node = context.shard.node();
      const ConfigRequest change{resource.resource_type, resource.resource_name, is_incremental, request.validate_only,
                                 edits_of(resource)};
      decided = context.connection.apis.is_controllers() ? preprocess_at_controller(node, change)
                                                         : preprocess(node, *context.image, change);
    }
    if (!decided) {
      rest.resources.push_back(resource);
      continue;
    }
    result.error_code = error_field(decided->code);
    if (!decided->message.empty()) result.error_message = context.strings.keep(std::string_view(decided->message));
  }
  if (rest.resources.empty()) co_return Outcome::kReply;
  Response forwarded;
  co_await forward(context, rest, forwarded, [&](protocol::ErrorCode error) {
    for (const auto& resource : rest.resources) {
      forwarded.responses.push_back({.error_code = error_field(error),
                                     .resource_type = resource.resource_type,
                                     .resource_name = resource.resource_name});
    }
  });
  for (auto& result : response.responses) {
    for (const auto& answer : forwarded.responses) {
      if (answer.resource_type != result.resource_type || answer.resource_name != result.resource_name) continue;
      result.error_code = answer.error_code;
      result.error_message = answer.error_message;
    }
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
