#include "broker/config/config_layers.h"

#include <fmt/format.h>

#include "base/check.h"

namespace weir::broker {
namespace {

struct Layer {
  const ConfigMap* values;
  ConfigSource source;
};

std::array<Layer, 3> layers_of(const BrokerLayers& layers) {
  return {Layer{&layers.dynamic_broker, ConfigSource::kDynamicBroker},
          Layer{&layers.dynamic_cluster, ConfigSource::kDynamicCluster},
          Layer{&layers.static_broker, ConfigSource::kStatic}};
}

// What is set for any of `names`, strongest first, the defaults last.
std::vector<ConfigSynonym> broker_values(const BrokerLayers& layers, std::span<const std::string_view> names) {
  std::vector<ConfigSynonym> found;
  for (const Layer& layer : layers_of(layers)) {
    for (const auto name : names) {
      const auto at = layer.values->find(name);
      if (at == layer.values->end()) continue;
      const ConfigKey* key = find_config_key(ConfigSection::kBroker, name);
      if (key != nullptr && !validate_config(*key, at->second)) continue;
      found.push_back({std::string(name), at->second, layer.source});
    }
  }
  for (const auto name : names) {
    const ConfigKey* key = find_config_key(ConfigSection::kBroker, name);
    if (key != nullptr && key->default_value != nullptr)
      found.push_back({std::string(name), key->default_value, ConfigSource::kDefault});
  }
  return found;
}

void hide(std::vector<ConfigSynonym>& synonyms) {
  for (auto& synonym : synonyms) synonym.value.reset();
}

// A broker's value in the unit of the resource: hours become milliseconds, any negative retention becomes -1.
std::string converted(std::string_view value, int64_t factor) {
  if (factor == 1) return std::string(value);
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  const int64_t number = parse_integer(value, std::numeric_limits<int64_t>::min(), kMax).value_or(-1);
  if (number < 0) return "-1";
  return std::to_string(number > kMax / factor ? kMax : number * factor);
}

int64_t factor_of(std::span<const BrokerDefault> defaults, std::string_view broker_key) {
  const auto row = std::ranges::find(defaults, broker_key, &BrokerDefault::broker_key);
  return row == defaults.end() ? 1 : row->factor;
}

std::vector<ConfigSynonym> inherited(ConfigSection section, const BrokerLayers& layers, const ConfigKey& key) {
  std::vector<std::string_view> names;
  for (const auto& row : broker_defaults(section, key.name)) names.push_back(row.broker_key);
  return broker_values(layers, names);
}

ConfigDescription described(const ConfigKey& key, std::optional<std::string> value, std::vector<ConfigSynonym> synonyms,
                            bool read_only) {
  const auto source = synonyms.empty() ? ConfigSource::kDefault : synonyms.front().source;
  if (key.is_sensitive()) {
    value.reset();
    hide(synonyms);
  }
  return {.name = std::string(key.name),
          .value = std::move(value),
          .source = source,
          .is_read_only = read_only,
          .is_sensitive = key.is_sensitive(),
          .type = key.type,
          .documentation = key.note,
          .synonyms = std::move(synonyms)};
}

ConfigDescription described_unknown(std::string name, std::vector<ConfigSynonym> synonyms, bool read_only) {
  hide(synonyms);
  const auto source = synonyms.front().source;
  return {.name = std::move(name),
          .value = std::nullopt,
          .source = source,
          .is_read_only = read_only,
          .is_sensitive = true,
          .type = ConfigType::kUnknown,
          .documentation = {},
          .synonyms = std::move(synonyms)};
}

std::vector<ConfigDescription> describe_resource(ConfigSection section, ConfigSource own_source, const ConfigMap& own,
                                                 const BrokerLayers& layers) {
  std::vector<ConfigDescription> configs;
  for (const ConfigKey* key : config_keys(section)) {
    const auto at = own.find(key->name);
    if (key->internal && at == own.end()) continue;
    auto synonyms = inherited(section, layers, *key);
    // As with the broker's own: the list starts at the strongest name. A group's own default is told where the broker
    // has no setting for it.
    const auto defaults = broker_defaults(section, key->name);
    if (!defaults.empty()) {
      const auto own_name = std::ranges::find(synonyms, defaults.front().broker_key, &ConfigSynonym::name);
      synonyms.erase(synonyms.begin(), own_name);
    }
    if (section == ConfigSection::kGroup && defaults.empty() && key->default_value != nullptr)
      synonyms.push_back({std::string(key->name), key->default_value, ConfigSource::kDefault});
    if (at != own.end()) synonyms.insert(synonyms.begin(), {std::string(key->name), at->second, own_source});
    configs.push_back(described(*key, resource_value(section, own, layers, *key), std::move(synonyms), false));
  }
  for (const auto& [name, value] : own) {
    if (find_config_key(section, name) == nullptr)
      configs.push_back(described_unknown(name, {{name, value, own_source}}, false));
  }
  return configs;
}

}  // namespace

std::optional<std::string> broker_value(const BrokerLayers& layers, std::string_view name) {
  const auto names = broker_synonyms(name);
  // Only the name itself has its value; a synonym of another unit has one of its own.
  const bool same_unit = name == "node.id" || name == "broker.id";
  auto values = broker_values(layers, std::span(names).first(same_unit ? names.size() : 1));
  if (values.empty()) return std::nullopt;
  return std::move(values.front().value);
}

std::optional<std::string> resource_value(ConfigSection section, const ConfigMap& own, const BrokerLayers& layers,
                                          const ConfigKey& key) {
  if (const auto at = own.find(key.name); at != own.end() && validate_config(key, at->second)) return at->second;
  const auto values = inherited(section, layers, key);
  if (!values.empty())
    return converted(*values.front().value, factor_of(broker_defaults(section, key.name), values.front().name));
  if (key.default_value == nullptr) return std::nullopt;
  return key.default_value;
}

int32_t group_setting_in_force(const ConfigMap& own, const BrokerLayers& layers, std::string_view name) {
  const ConfigKey* key = find_config_key(ConfigSection::kGroup, name);
  CHECK(key != nullptr, "groups have no setting {}", name);
  const std::optional<std::string> value = resource_value(ConfigSection::kGroup, own, layers, *key);
  const auto number = parse_integer(value.value_or(""), INT32_MIN, INT32_MAX);
  CHECK(number.has_value(), "setting {} of a group is no number", name);
  return static_cast<int32_t>(*number);
}

std::vector<ConfigDescription> describe_topic(const ConfigMap& own, const BrokerLayers& layers) {
  return describe_resource(ConfigSection::kTopic, ConfigSource::kTopic, own, layers);
}

std::vector<ConfigDescription> describe_group(const ConfigMap& own, const BrokerLayers& layers) {
  return describe_resource(ConfigSection::kGroup, ConfigSource::kGroup, own, layers);
}

std::vector<ConfigDescription> describe_client_metrics(const ConfigMap& own, const BrokerLayers& layers) {
  return describe_resource(ConfigSection::kClientMetrics, ConfigSource::kClientMetrics, own, layers);
}

std::vector<ConfigDescription> describe_broker(const BrokerLayers& layers) {
  std::vector<ConfigDescription> configs;
  for (const ConfigKey* key : config_keys(ConfigSection::kBroker)) {
    const auto names = broker_synonyms(key->name);
    auto synonyms = broker_values(layers, names);
    // As a setting's own value is null while a weaker synonym has one, the list starts at its own name.
    if (key->name == "node.id" || key->name == "broker.id") {
      // One setting of two names: it is told under the name that is asked for, with that name's default.
      std::erase_if(synonyms, [&](const ConfigSynonym& synonym) {
        return synonym.source == ConfigSource::kDefault && synonym.name != key->name;
      });
      for (ConfigSynonym& synonym : synonyms) synonym.name = key->name;
    } else {
      synonyms.erase(synonyms.begin(), std::ranges::find(synonyms, key->name, &ConfigSynonym::name));
    }
    // What is only ever set at run time is told without its default, as Kafka does.
    if (key->update == Update::kDynamicOnly) {
      std::erase_if(synonyms, [](const ConfigSynonym& synonym) { return synonym.source == ConfigSource::kDefault; });
    }
    const bool is_set = !synonyms.empty() && synonyms.front().source != ConfigSource::kDefault;
    if ((key->internal || key->update == Update::kDynamicOnly) && !is_set) continue;
    configs.push_back(
        described(*key, broker_value(layers, key->name), std::move(synonyms), key->update == Update::kReadOnly));
  }
  std::map<std::string, std::vector<ConfigSynonym>> unknown;
  for (const Layer& layer : layers_of(layers)) {
    for (const auto& [name, value] : *layer.values) {
      if (find_config_key(ConfigSection::kBroker, name) == nullptr)
        unknown[name].push_back({name, value, layer.source});
    }
  }
  for (auto& [name, synonyms] : unknown) configs.push_back(described_unknown(name, std::move(synonyms), true));
  return configs;
}

std::vector<ConfigDescription> describe_cluster_defaults(const BrokerLayers& layers) {
  std::vector<ConfigDescription> configs;
  for (const auto& [name, value] : layers.dynamic_cluster) {
    std::vector<ConfigSynonym> synonyms = {{name, value, ConfigSource::kDynamicCluster}};
    const ConfigKey* key = find_config_key(ConfigSection::kBroker, name);
    configs.push_back(key == nullptr ? described_unknown(name, std::move(synonyms), true)
                                     : described(*key, value, std::move(synonyms), false));
  }
  return configs;
}

}  // namespace weir::broker
