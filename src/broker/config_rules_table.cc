#include "broker/config_rules_table.h"

#include "broker/telemetry/subscription.h"

namespace weir::broker {
namespace {

using quorum::ConfigResourceType;

std::optional<ConfigSection> section_of(ConfigResourceType type) {
  switch (type) {
    case ConfigResourceType::kTopic:
      return ConfigSection::kTopic;
    case ConfigResourceType::kBroker:
      return ConfigSection::kBroker;
    case ConfigResourceType::kGroup:
      return ConfigSection::kGroup;
    case ConfigResourceType::kClientMetrics:
      return ConfigSection::kClientMetrics;
    case ConfigResourceType::kBrokerLogger:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

Result<> ConfigRulesTable::validate(const quorum::ConfigResource& resource,
                                    const quorum::ConfigEntries& entries) const {
  switch (resource.type) {
    case ConfigResourceType::kTopic:
      return validate_topic_configs(entries);
    case ConfigResourceType::kGroup:
      return validate_group_configs(entries, static_settings_);
    case ConfigResourceType::kBroker:
      TRY(validate_broker_configs(entries, resource.name.empty()));
      return check_own_directories(resource, entries);
    case ConfigResourceType::kClientMetrics:
      TRY(validate_client_metrics_configs(entries));
      TRY(ClientMetricsSubscription::make(entries));
      return {};
    case ConfigResourceType::kBrokerLogger:
      break;
  }
  return {};
}

// What another broker's directories are is not known here: it passes over what it does not have.
Result<> ConfigRulesTable::check_own_directories(const quorum::ConfigResource& resource,
                                                 const quorum::ConfigEntries& entries) const {
  const BrokerLayers layers{.static_broker = static_settings_};
  const auto cordoned = entries.find("cordoned.log.dirs");
  if (cordoned == entries.end() || broker_value(layers, "node.id") != resource.name) return {};
  const auto directories = broker_value(layers, "log.dirs");
  return check_cordoned_log_dirs(cordoned->second,
                                 parse_list(directories ? *directories : *broker_value(layers, "log.dir")));
}

bool ConfigRulesTable::is_list(ConfigResourceType type, std::string_view name) const {
  const std::optional<ConfigSection> section = section_of(type);
  const ConfigKey* key = section ? find_config_key(*section, name) : nullptr;
  return key != nullptr && key->type == ConfigType::kList;
}

std::optional<std::string> ConfigRulesTable::default_value(ConfigResourceType type, std::string_view name) const {
  const std::optional<ConfigSection> section = section_of(type);
  const ConfigKey* key = section ? find_config_key(*section, name) : nullptr;
  if (key == nullptr) return std::nullopt;
  const BrokerLayers layers{.static_broker = static_settings_};
  if (*section == ConfigSection::kBroker) return broker_value(layers, name);
  return resource_value(*section, {}, layers, *key);
}

std::vector<TopicSetting> ConfigRulesTable::describe_topic(const quorum::MetadataImage& image,
                                                           const quorum::ConfigEntries& entries) const {
  const BrokerLayers layers{.dynamic_cluster = image.config(ConfigResourceType::kBroker, ""),
                            .static_broker = static_settings_};
  std::vector<TopicSetting> settings;
  for (ConfigDescription& config : broker::describe_topic(entries, layers)) {
    settings.push_back({.name = std::move(config.name),
                        .value = std::move(config.value),
                        .source = static_cast<int8_t>(config.source),
                        .read_only = config.is_read_only,
                        .is_sensitive = config.is_sensitive});
  }
  return settings;
}

}  // namespace weir::broker
