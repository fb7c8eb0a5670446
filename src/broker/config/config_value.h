// The values of settings as people write them: parsed by type and checked against the limits of their key. Plain
// functions; any thread. Messages are worded as Kafka's tools and tests expect them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "broker/config/config_key.h"

namespace weir::broker {

// Settings by name, as text.
using ConfigMap = std::map<std::string, std::string, std::less<>>;

// Numbers may have blanks around them and a leading +; booleans may be in any case.
Result<bool> parse_boolean(std::string_view text);
Result<int64_t> parse_integer(std::string_view text, int64_t low, int64_t high);
Result<double> parse_double(std::string_view text);

// The items of a list, without the blanks around them; none for a blank text. One pair of [] around the whole is left
// out.
std::vector<std::string> parse_list(std::string_view text);

std::string_view trim(std::string_view text);

// Whether an element, or what `projection` makes of it, equals `value` (std::ranges::contains of later libraries).
template <class Range, class T, class Projection = std::identity>
bool contains(const Range& range, const T& value, Projection projection = {}) {
  return std::ranges::find(range, value, projection) != std::ranges::end(range);
}

// kInvalidArgument, with what is wrong about the value, when it is not of the key's type or is outside its limits.
Result<> validate_config(const ConfigKey& key, std::string_view value);

// For what CreateTopics, IncrementalAlterConfigs and AlterConfigs set on a topic or a group. kInvalidArgument names the
// first setting that is unknown or has a bad value, or that contradicts another.
Result<> validate_topic_configs(const ConfigMap& configs);
// A group's settings are held within the limits that the broker's settings set, `broker` or their defaults.
Result<> validate_group_configs(const ConfigMap& configs, const ConfigMap& broker);
// kUnsupported, not kInvalidArgument, for an unknown setting and an interval outside its limits: the request is wrong,
// not the value.
Result<> validate_client_metrics_configs(const ConfigMap& configs);

// Whether each of cordoned.log.dirs is one of log.dirs, or * for all. kInvalidArgument.
Result<> check_cordoned_log_dirs(std::string_view cordoned, const std::vector<std::string>& log_dirs);

// For what is set on a broker at run time, or on all brokers when `cluster_wide`. kInvalidArgument as above, or when a
// setting cannot change at run time or not for all brokers at once. Names that weir does not know are accepted, as
// Kafka accepts those of plug-ins.
Result<> validate_broker_configs(const ConfigMap& configs, bool cluster_wide);

}  // namespace weir::broker
