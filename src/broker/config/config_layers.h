// Where the value of a setting comes from: a resource's own setting, the broker's dynamic one, the cluster's dynamic
// default, the file, or the built-in default, strongest first; and the answer of DescribeConfigs made from that. Plain
// values; any thread that owns them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config_key.h"
#include "broker/config/config_value.h"

namespace weir::broker {

// The numbers are those of DescribeConfigs on the wire.
enum class ConfigSource : int8_t {
  kTopic = 1,
  kDynamicBroker = 2,
  kDynamicCluster = 3,
  kStatic = 4,
  kDefault = 5,
  kDynamicLogger = 6,
  kClientMetrics = 7,
  kGroup = 8,
};

// What is set of a broker's settings, layer by layer.
struct BrokerLayers {
  ConfigMap dynamic_broker;   // ConfigRecords of this broker
  ConfigMap dynamic_cluster;  // ConfigRecords of the broker named ""
  ConfigMap static_broker;    // the file and the command line
};

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;  // none: sensitive
  ConfigSource source;
};

struct ConfigDescription {
  std::string name;
  std::optional<std::string> value;  // none: null, or sensitive
  ConfigSource source;
  bool is_read_only;
  bool is_sensitive;
  ConfigType type;
  std::string_view documentation;
  std::vector<ConfigSynonym> synonyms;  // strongest first, the one in force included
};

// The value in force of a broker setting; none when it is null. Values that do not fit their key (another
// implementation may have written them) are passed over.
std::optional<std::string> broker_value(const BrokerLayers& layers, std::string_view name);

// The value in force of a topic or group setting with `own` set on the resource itself, from the broker's where that is
// its default.
std::optional<std::string> resource_value(ConfigSection section, const ConfigMap& own, const BrokerLayers& layers,
                                          const ConfigKey& key);

// That of a number of a group; `key` is one of the group's settings that has a default.
int32_t group_setting_in_force(const ConfigMap& own, const BrokerLayers& layers, std::string_view key);

// Every setting of a topic, a group or a subscription to client metrics, and those of its own that are unknown.
std::vector<ConfigDescription> describe_topic(const ConfigMap& own, const BrokerLayers& layers);
std::vector<ConfigDescription> describe_group(const ConfigMap& own, const BrokerLayers& layers);
std::vector<ConfigDescription> describe_client_metrics(const ConfigMap& own, const BrokerLayers& layers);

// Every setting of a broker; what is set but unknown is shown without its value, since it may be a secret of a plug-in.
std::vector<ConfigDescription> describe_broker(const BrokerLayers& layers);

// The cluster's dynamic defaults alone: what is set there.
std::vector<ConfigDescription> describe_cluster_defaults(const BrokerLayers& layers);

}  // namespace weir::broker
