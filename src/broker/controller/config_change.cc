#include "broker/controller/config_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace weir::broker {
namespace {

using protocol::ErrorCode;
using quorum::ConfigResourceType;

constexpr std::string_view kMinInsyncReplicas = "min.insync.replicas";
constexpr size_t kValueSizeMax = INT16_MAX;

ApiError invalid(std::string message) { return {ErrorCode::kInvalidRequest, std::move(message)}; }
ApiError invalid_config(std::string message) { return {ErrorCode::kInvalidConfig, std::move(message)}; }

std::vector<std::string_view> items_of(std::string_view list) {
  std::vector<std::string_view> items;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.push_back(item);
  }
  return items;
}

}  // namespace

std::vector<ConfigEdit> edits_of(const protocol::IncrementalAlterConfigsRequest::AlterConfigsResource& resource) {
  std::vector<ConfigEdit> edits;
  for (const auto& config : resource.configs) {
    edits.push_back({config.name, static_cast<ConfigOperation>(config.config_operation), config.value});
  }
  return edits;
}

std::vector<ConfigEdit> edits_of(const protocol::AlterConfigsRequest::AlterConfigsResource& resource) {
  std::vector<ConfigEdit> edits;
  for (const auto& config : resource.configs) edits.push_back({config.name, ConfigOperation::kSet, config.value});
  return edits;
}

ConfigChange::ConfigChange(const quorum::MetadataImage& image, const ConfigRules& rules, int8_t resource_type,
                           std::string_view resource_name)
    : image_(image),
      rules_(rules),
      resource_{static_cast<ConfigResourceType>(resource_type), std::string(resource_name)},
      before_(image.config(resource_.type, resource_.name)) {}

std::optional<ApiError> ConfigChange::check_name() const {
  const std::string& name = resource_.name;
  switch (resource_.type) {
    case ConfigResourceType::kTopic:
      if (name.empty()) return invalid("Default topic resources are not allowed.");
      if (const auto problem = topic_name_problem(name)) return ApiError{ErrorCode::kInvalidTopicException, *problem};
      return std::nullopt;
    case ConfigResourceType::kBroker: {
      if (name.empty()) return std::nullopt;
      int32_t id = 0;
      const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
      if (error == std::errc() && end == name.data() + name.size() && id >= 0) return std::nullopt;
      return invalid(fmt::format("Invalid broker name {}", name));
    }
    case ConfigResourceType::kClientMetrics:
      return name.empty() ? std::optional(invalid("A client metrics subscription needs a name.")) : std::nullopt;
    case ConfigResourceType::kGroup:
      return name.empty() ? std::optional(invalid("Default group resources are not allowed.")) : std::nullopt;
    case ConfigResourceType::kBrokerLogger:
      break;
  }
  return invalid(fmt::format("Unknown resource type {}", static_cast<int>(resource_.type)));
}

std::optional<ApiError> ConfigChange::check_existence() const {
  if (resource_.type == ConfigResourceType::kTopic && !image_.topics_by_name.contains(resource_.name)) {
    return ApiError{ErrorCode::kUnknownTopicOrPartition, fmt::format("The topic '{}' does not exist.", resource_.name)};
  }
  if (resource_.type == ConfigResourceType::kBroker && !resource_.name.empty()) {
    int32_t id = 0;  // check_name() has passed
    std::from_chars(resource_.name.data(), resource_.name.data() + resource_.name.size(), id);
    const bool is_known = image_.broker(NodeId(id)) != nullptr || image_.controllers.contains(NodeId(id));
    if (!is_known) return ApiError{ErrorCode::kBrokerIdNotRegistered, fmt::format("No node with id {} found.", id)};
  }
  return std::nullopt;
}

std::optional<ApiError> ConfigChange::check_edits(const std::vector<ConfigEdit>& edits) {
  std::set<std::string_view> names;
  std::vector<std::string_view> without_value;
  for (const ConfigEdit& edit : edits) {
    if (!names.insert(edit.name).second) return invalid("Error due to duplicate config keys");
    if (!edit.value && edit.operation != ConfigOperation::kDelete) without_value.push_back(edit.name);
  }
  if (!without_value.empty())
    return invalid(fmt::format("Null value not supported for : {}", fmt::join(without_value, ", ")));
  for (const ConfigEdit& edit : edits) {
    if (edit.operation < ConfigOperation::kSet || edit.operation > ConfigOperation::kSubtract) {
      return invalid(fmt::format("Unknown operation {} for config {}", static_cast<int>(edit.operation), edit.name));
    }
  }
  return std::nullopt;
}

std::optional<ApiError> ConfigChange::check_values(const quorum::ConfigEntries& after) const {
  const Result<> valid = rules_.validate(resource_, after);
  if (valid) return std::nullopt;
  // Of a subscription to client metrics some errors are the request's.
  const bool is_request = valid.error().code == Errc::kUnsupported;
  return is_request ? invalid(valid.error().message) : invalid_config(valid.error().message);
}

std::optional<ApiError> ConfigChange::apply_all(const std::vector<ConfigEdit>& edits,
                                                quorum::ConfigEntries& entries) const {
  for (const ConfigEdit& edit : edits) {
    if (auto error = apply(edit, entries)) return error;
  }
  return std::nullopt;
}

std::optional<ApiError> ConfigChange::check_edit(const std::vector<ConfigEdit>& edits) const {
  quorum::ConfigEntries after = before_;
  if (auto error = apply_all(edits, after)) return error;
  return check_values(after);
}

std::optional<ApiError> ConfigChange::check_replace(const std::vector<ConfigEdit>& entries) const {
  quorum::ConfigEntries after;
  if (auto error = apply_all(entries, after)) return error;
  return check_values(after);
}

std::optional<ApiError> ConfigChange::check_elr(const quorum::ConfigEntries& after,
                                                const std::vector<ConfigEdit>& edits) const {
  if (!image_.is_elr_enabled() || resource_.type != ConfigResourceType::kBroker) return std::nullopt;
  const bool before = before_.contains(kMinInsyncReplicas);
  if (resource_.name.empty()) {
    if (!before || after.contains(kMinInsyncReplicas)) return std::nullopt;
    return invalid_config("Cluster-wide min.insync.replicas cannot be removed while ELR is enabled.");
  }
  const bool is_named = after.contains(kMinInsyncReplicas) ||
                        std::ranges::any_of(edits, [](const auto& edit) { return edit.name == kMinInsyncReplicas; });
  if (!is_named) return std::nullopt;
  return invalid_config("min.insync.replicas of one broker cannot be set while ELR is enabled.");
}

std::string ConfigChange::edited_list(const ConfigEdit& edit, const quorum::ConfigEntries& entries) const {
  const auto found = entries.find(edit.name);
  const std::string present =
      found != entries.end() ? found->second : rules_.default_value(resource_.type, edit.name).value_or("");
  std::vector<std::string_view> items = items_of(present);
  const std::vector<std::string_view> given = items_of(*edit.value);
  for (std::string_view item : given) {
    const auto at = std::ranges::find(items, item);
    if (edit.operation == ConfigOperation::kAppend && at == items.end()) items.push_back(item);
    if (edit.operation == ConfigOperation::kSubtract && at != items.end()) items.erase(at);
  }
  return fmt::format("{}", fmt::join(items, ","));
}

std::optional<ApiError> ConfigChange::apply(const ConfigEdit& edit, quorum::ConfigEntries& entries) const {
  switch (edit.operation) {
    case ConfigOperation::kSet:
      entries[std::string(edit.name)] = std::string(*edit.value);
      break;
    case ConfigOperation::kDelete:
      entries.erase(std::string(edit.name));
      return std::nullopt;
    case ConfigOperation::kAppend:
    case ConfigOperation::kSubtract:
      if (!rules_.is_list(resource_.type, edit.name)) {
        return invalid_config(fmt::format("Can't {} to key {} because its type is not LIST.",
                                          edit.operation == ConfigOperation::kAppend ? "APPEND" : "SUBTRACT",
                                          edit.name));
      }
      entries[std::string(edit.name)] = edited_list(edit, entries);
      break;
  }
  if (entries.find(edit.name)->second.size() > kValueSizeMax) {
    return invalid_config(fmt::format("The value of {} has more than {} bytes.", edit.name, kValueSizeMax));
  }
  return std::nullopt;
}

std::optional<ApiError> ConfigChange::edit(const std::vector<ConfigEdit>& edits, quorum::MetadataRecords& records) {
  if (auto error = check_edits(edits)) return error;
  if (auto error = check_name()) return error;
  quorum::ConfigEntries after = before_;
  if (auto error = apply_all(edits, after)) return error;
  return finish(after, edits, records);
}

std::optional<ApiError> ConfigChange::replace(const std::vector<ConfigEdit>& entries,
                                              quorum::MetadataRecords& records) {
  if (auto error = check_edits(entries)) return error;
  if (auto error = check_name()) return error;
  quorum::ConfigEntries after;
  if (auto error = apply_all(entries, after)) return error;
  return finish(after, {}, records);
}

std::optional<ApiError> ConfigChange::finish(const quorum::ConfigEntries& after, const std::vector<ConfigEdit>& edits,
                                             quorum::MetadataRecords& records) {
  if (auto error = check_elr(after, edits)) return error;
  // Values first: so Kafka looks, and who asks about a topic that is not there learns of them too.
  if (auto error = check_values(after)) return error;
  if (auto error = check_existence()) return error;
  const auto is_set_again = [&](std::string_view name) {
    return std::ranges::any_of(
        edits, [&](const ConfigEdit& edit) { return edit.name == name && edit.operation == ConfigOperation::kSet; });
  };
  protocol::ConfigRecord record;
  record.resource_type = static_cast<int8_t>(resource_.type);
  record.resource_name = resource_.name;
  bool min_isr_changes = false;
  const auto add = [&](const std::string& name, std::optional<std::string_view> value) {
    record.name = name;
    record.value = value;
    records.add(record);
    min_isr_changes |= name == kMinInsyncReplicas;
  };
  for (const auto& [name, value] : after) {
    const auto present = before_.find(name);
    if (present == before_.end() || present->second != value || is_set_again(name)) add(name, value);
  }
  for (const auto& [name, value] : before_) {
    if (!after.contains(name)) add(name, std::nullopt);
  }
  // Who was eligible under the former minimum need not be under the new one.
  const bool topic_or_all = resource_.type == ConfigResourceType::kTopic ||
                            (resource_.type == ConfigResourceType::kBroker && resource_.name.empty());
  if (min_isr_changes && topic_or_all && image_.is_elr_enabled()) {
    records.add(protocol::ClearElrRecord{.topic_name = resource_.type == ConfigResourceType::kTopic
                                                           ? std::string_view(resource_.name)
                                                           : std::string_view()});
  }
  return std::nullopt;
}

}  // namespace weir::broker
