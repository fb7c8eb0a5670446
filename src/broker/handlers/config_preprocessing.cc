#include "broker/handlers/config_preprocessing.h"

#include <fmt/format.h>

#include <charconv>

#include "base/log.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using quorum::ConfigResourceType;

ApiError invalid(std::string message) { return {ErrorCode::kInvalidRequest, std::move(message)}; }

// The resource must be this node.
std::optional<ApiError> check_node(NodeId self, std::string_view name) {
  int32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc() || end != name.data() + name.size() || name.empty()) {
    return invalid(fmt::format("Node id must be an integer, but it is: {}", name));
  }
  if (NodeId(id) == self) return std::nullopt;
  return invalid(fmt::format("Unexpected node id. Expected {}, but received {}", self.value(), name));
}

bool has_logger(std::string_view name) { return contains(loggers(), name, &Logger::name); }

std::optional<ApiError> check_log_level(const ConfigEdit& edit) {
  if (edit.operation == ConfigOperation::kAppend || edit.operation == ConfigOperation::kSubtract) {
    return invalid(fmt::format("{} operation is not allowed for the BROKER_LOGGER resource",
                               edit.operation == ConfigOperation::kAppend ? "APPEND" : "SUBTRACT"));
  }
  if (!has_logger(edit.name))
    return ApiError{ErrorCode::kInvalidConfig, fmt::format("Logger {} does not exist!", edit.name)};
  if (edit.operation == ConfigOperation::kDelete) {
    if (edit.name != kRootLogger) return std::nullopt;
    return invalid("Removing the log level of the root logger is not allowed");
  }
  if (parse_log_level(*edit.value)) return std::nullopt;
  return ApiError{ErrorCode::kInvalidConfig,
                  fmt::format("Cannot set the log level of {} to {} as it is not a supported log level. Valid log "
                              "levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
                              edit.name, *edit.value)};
}

// Log levels are the process's: they are set at once, and last until it ends.
ApiError change_log_levels(const std::vector<ConfigEdit>& edits, bool validate_only) {
  for (const ConfigEdit& edit : edits) {
    if (auto error = check_log_level(edit)) return *error;
  }
  if (validate_only) return {ErrorCode::kNone, {}};
  for (const ConfigEdit& edit : edits) {
    const Result<> done = edit.operation == ConfigOperation::kDelete
                              ? reset_log_level(edit.name)
                              : set_log_level(edit.name, *parse_log_level(*edit.value));
    if (!done) return {ErrorCode::kInvalidConfig, done.error().message};
  }
  return {ErrorCode::kNone, {}};
}

ApiError change_own_log_levels(const NodeContext& node, const ConfigRequest& request) {
  if (auto error = check_node(node.node_id, request.resource_name)) return *error;
  return change_log_levels(request.edits, request.validate_only);
}

std::optional<ApiError> check_broker_settings(const NodeContext& node, const quorum::MetadataImage& image,
                                              const ConfigRequest& request) {
  if (!request.resource_name.empty()) {
    if (auto error = check_node(node.node_id, request.resource_name)) return error;
  }
  const ConfigChange change(image, *node.config_rules, request.resource_type, request.resource_name);
  auto error = request.is_incremental ? change.check_edit(request.edits) : change.check_replace(request.edits);
  const bool appends = std::ranges::any_of(request.edits, [](const ConfigEdit& edit) {
    return edit.operation == ConfigOperation::kAppend || edit.operation == ConfigOperation::kSubtract;
  });
  // A broker that could not live with its settings calls the request wrong, where the controller blames the settings.
  if (error && error->code == ErrorCode::kInvalidConfig && !appends) error->code = ErrorCode::kInvalidRequest;
  return error;
}

}  // namespace

std::optional<ApiError> preprocess(const NodeContext& node, const quorum::MetadataImage& image,
                                   const ConfigRequest& request) {
  if (auto error = ConfigChange::check_edits(request.edits)) return error;
  switch (static_cast<ConfigResourceType>(request.resource_type)) {
    case ConfigResourceType::kBrokerLogger:
      // AlterConfigs would have to set all other loggers back.
      if (!request.is_incremental) break;
      return change_own_log_levels(node, request);
    case ConfigResourceType::kBroker:
      return check_broker_settings(node, image, request);
    case ConfigResourceType::kTopic:
    case ConfigResourceType::kClientMetrics:
    case ConfigResourceType::kGroup:
      return std::nullopt;
  }
  return invalid(fmt::format("Unknown resource type {}", request.resource_type));
}

std::optional<ApiError> preprocess_at_controller(const NodeContext& node, const ConfigRequest& request) {
  switch (static_cast<ConfigResourceType>(request.resource_type)) {
    case ConfigResourceType::kBrokerLogger:
      if (!request.is_incremental) return invalid("The log levels of a node are not set with AlterConfigs.");
      if (auto error = ConfigChange::check_edits(request.edits)) return error;
      return change_own_log_levels(node, request);
    case ConfigResourceType::kBroker:
    case ConfigResourceType::kTopic:
    case ConfigResourceType::kClientMetrics:
    case ConfigResourceType::kGroup:
      return std::nullopt;
  }
  return ApiError{ErrorCode::kUnsupportedVersion, fmt::format("Unknown resource type {}.", request.resource_type)};
}

}  // namespace weir::broker
