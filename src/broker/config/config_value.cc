#include "broker/config/config_value.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>

namespace weir::broker {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f";

std::unexpected<Error> invalid(std::string message) { return fail(Errc::kInvalidArgument, std::move(message)); }

std::unexpected<Error> bad_value(const ConfigKey& key, std::string_view value, std::string_view why) {
  // A password must not show in a log or an answer.
  return invalid(
      fmt::format("Invalid value {} for configuration {}: {}", key.is_sensitive() ? "[hidden]" : value, key.name, why));
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<std::string> choices_of(const Valid& valid) { return parse_list(valid.choices); }

bool is_choice(const Valid& valid, std::string_view value) {
  const bool any_case = valid.kind == Valid::Kind::kOneOfAnyCase;
  return std::ranges::any_of(choices_of(valid), [&](const std::string& choice) {
    return any_case ? equal_ignoring_case(choice, value) : choice == value;
  });
}

// One "partition:broker".
bool is_throttled_replica(std::string_view item) {
  const auto colon = item.find(':');
  if (colon == std::string_view::npos) return false;
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  return parse_integer(item.substr(0, colon), 0, kMax) && parse_integer(item.substr(colon + 1), 0, kMax);
}

// PnDTnHnMn.nS, each part optional but not all of them.
bool is_duration(std::string_view text) {
  if (text.empty() || std::toupper(static_cast<unsigned char>(text[0])) != 'P') return false;
  text.remove_prefix(1);
  std::string_view units = "DTHMS";
  bool has_part = false;
  while (!text.empty()) {
    if (std::toupper(static_cast<unsigned char>(text[0])) == 'T' && units.starts_with("DT")) {
      units = "HMS";
      text.remove_prefix(1);
      has_part = false;
      continue;
    }
    const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
    if (digits == 0 || digits == text.size()) return false;
    const auto unit = units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text[digits]))));
    if (unit == std::string_view::npos || units[unit] == 'T' || (units == "DTHMS" && units[unit] != 'D')) return false;
    if (text.substr(0, digits).contains('.') && units[unit] != 'S') return false;
    units = units[unit] == 'D' ? std::string_view("DT") : units.substr(unit + 1);
    text.remove_prefix(digits + 1);
    has_part = true;
  }
  return has_part;
}

bool is_offset_reset(std::string_view value) {
  constexpr std::string_view kByDuration = "by_duration:";
  return value == "latest" || value == "earliest" ||
         (value.starts_with(kByDuration) && is_duration(value.substr(kByDuration.size())));
}

Result<> check_range(const ConfigKey& key, double number, std::string_view shown) {
  const Valid& valid = key.valid;
  if (valid.kind == Valid::Kind::kBetweenOrMinusOne) {
    if (number == -1 || (number >= valid.low && number <= valid.high)) return {};
    return bad_value(key, shown, fmt::format("Value must be between {} and {} or equal to -1", valid.low, valid.high));
  }
  if (valid.kind != Valid::Kind::kAtLeast && valid.kind != Valid::Kind::kBetween) return {};
  if (number < valid.low) return bad_value(key, shown, fmt::format("Value must be at least {}", valid.low));
  if (valid.kind == Valid::Kind::kBetween && number > valid.high) {
    return bad_value(key, shown, fmt::format("Value must be no more than {}", valid.high));
  }
  return {};
}

struct IntegerType {
  std::string_view name;
  int64_t low, high;
};

template <class Int>
constexpr IntegerType integer_type(std::string_view name) {
  return {name, std::numeric_limits<Int>::min(), std::numeric_limits<Int>::max()};
}

Result<> validate_integer(const ConfigKey& key, std::string_view value) {
  const IntegerType type = key.type == ConfigType::kShort ? integer_type<int16_t>("SHORT")
                           : key.type == ConfigType::kInt ? integer_type<int32_t>("INT")
                                                          : integer_type<int64_t>("LONG");
  const auto number = parse_integer(value, type.low, type.high);
  if (!number) return bad_value(key, value, fmt::format("Not a number of type {}", type.name));
  return check_range(key, static_cast<double>(*number), fmt::format("{}", *number));
}

Result<> validate_double(const ConfigKey& key, std::string_view value) {
  const auto number = parse_double(value);
  if (!number) return bad_value(key, value, "Not a number of type DOUBLE");
  std::string shown = fmt::format("{}", *number);
  if (shown.find_first_of(".e") == std::string::npos) shown += ".0";
  return check_range(key, *number, shown);
}

Result<> validate_list(const ConfigKey& key, std::string_view value) {
  const auto items = parse_list(value);
  if (key.valid.kind == Valid::Kind::kThrottledReplicas) {
    if (items == std::vector<std::string>{"*"} || std::ranges::all_of(items, is_throttled_replica)) return {};
    return bad_value(key, fmt::format("[{}]", value),
                     fmt::format("{} must be the literal '*' or a list of replicas in the "
                                 "following format: {}",
                                 key.name, valid_text(key)));
  }
  for (const auto& item : items) {
    if (item.empty()) return bad_value(key, value, "entry must not be empty");
    if (key.valid.kind == Valid::Kind::kOneOf && !is_choice(key.valid, item)) {
      return bad_value(key, item, fmt::format("String must be one of: {}", key.valid.choices));
    }
  }
  return {};
}

Result<> validate_string(const ConfigKey& key, std::string_view value) {
  const Valid& valid = key.valid;
  if (valid.kind == Valid::Kind::kNonEmpty && trim(value).empty())
    return bad_value(key, value, "String must be non-empty");
  if (valid.kind == Valid::Kind::kOneOf && !is_choice(valid, value)) {
    return bad_value(key, value, fmt::format("String must be one of: {}", valid.choices));
  }
  if (valid.kind == Valid::Kind::kOneOfAnyCase && !is_choice(valid, value)) {
    return bad_value(key, value, fmt::format("String must be one of (case insensitive): {}", valid.choices));
  }
  if (valid.kind == Valid::Kind::kOffsetReset && !is_offset_reset(value)) {
    return bad_value(key, value, "expected earliest, latest, or by_duration:PnDTnHnMn.nS");
  }
  return {};
}

// The value that is set, or the key's default.
int64_t integer_or_default(const ConfigMap& configs, std::string_view name) {
  const auto found = configs.find(name);
  const std::string_view text = found != configs.end() ? std::string_view(found->second)
                                                       : find_config_key(ConfigSection::kTopic, name)->default_value;
  return parse_integer(text, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()).value_or(0);
}

Result<> validate_known(ConfigSection section, std::string_view what, const ConfigMap& configs) {
  for (const auto& [name, value] : configs) {
    const ConfigKey* key = find_config_key(section, name);
    if (key == nullptr) return invalid(fmt::format("Unknown {} config name: {}", what, name));
    TRY(validate_config(*key, value));
  }
  return {};
}

// The broker's settings that bound a group's, "" for none: consumer.session.timeout.ms stays within
// group.consumer.min.session.timeout.ms and group.consumer.max.session.timeout.ms.
struct GroupLimits {
  std::string min;
  std::string max;
};

GroupLimits group_limits(std::string_view name) {
  if (name == "streams.num.standby.replicas") return {"", "group.streams.max.standby.replicas"};
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {};
  const auto bounded = [&](std::string_view word) {
    return fmt::format("group.{}.{}.{}", name.substr(0, dot), word, name.substr(dot + 1));
  };
  // Those that the broker does not know bound nothing.
  return {bounded("min"), bounded("max")};
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

Result<bool> parse_boolean(std::string_view text) {
  const auto word = trim(text);
  if (equal_ignoring_case(word, "true")) return true;
  if (equal_ignoring_case(word, "false")) return false;
  return invalid("Expected value to be either true or false");
}

Result<int64_t> parse_integer(std::string_view text, int64_t low, int64_t high) {
  auto digits = trim(text);
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < low || number > high) {
    return invalid(fmt::format("'{}' is not a whole number between {} and {}", text, low, high));
  }
  return number;
}

Result<double> parse_double(std::string_view text) {
  auto digits = trim(text);
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size())
    return invalid(fmt::format("'{}' is not a number", text));
  return number;
}

std::vector<std::string> parse_list(std::string_view text) {
  text = trim(text);
  if (text.starts_with('[') && text.ends_with(']')) text = trim(text.substr(1, text.size() - 2));
  std::vector<std::string> items;
  if (text.empty()) return items;
  for (;;) {
    const auto comma = text.find(',');
    items.emplace_back(trim(text.substr(0, comma)));
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

Result<> validate_config(const ConfigKey& key, std::string_view value) {
  switch (key.type) {
    case ConfigType::kUnknown:
      return {};
    case ConfigType::kBoolean:
      if (auto parsed = parse_boolean(value); !parsed) return bad_value(key, value, parsed.error().message);
      return {};
    case ConfigType::kInt:
    case ConfigType::kShort:
    case ConfigType::kLong:
      return validate_integer(key, value);
    case ConfigType::kDouble:
      return validate_double(key, value);
    case ConfigType::kList:
      return validate_list(key, value);
    case ConfigType::kString:
    case ConfigType::kClass:
    case ConfigType::kPassword:
      return validate_string(key, value);
  }
  return {};
}

Result<> validate_topic_configs(const ConfigMap& configs) {
  TRY(validate_known(ConfigSection::kTopic, "topic", configs));
  const int64_t min_lag_ms = integer_or_default(configs, "min.compaction.lag.ms");
  const int64_t max_lag_ms = integer_or_default(configs, "max.compaction.lag.ms");
  if (min_lag_ms > max_lag_ms) {
    return invalid(fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})",
                               min_lag_ms, max_lag_ms));
  }
  const auto remote = configs.find("remote.storage.enable");
  if (remote != configs.end() && parse_boolean(remote->second).value_or(false)) {
    return invalid("remote.storage.enable cannot be set: tiered storage is not available on this cluster");
  }
  return {};
}

Result<> validate_group_configs(const ConfigMap& configs, const ConfigMap& broker) {
  TRY(validate_known(ConfigSection::kGroup, "group", configs));
  for (const auto& [name, value] : configs) {
    const GroupLimits limits = group_limits(name);
    const auto bound = [&](std::string_view key, int64_t otherwise) {
      const ConfigKey* row = key.empty() ? nullptr : find_config_key(ConfigSection::kBroker, key);
      if (row == nullptr) return otherwise;
      const auto set = broker.find(key);
      return parse_integer(set != broker.end() ? std::string_view(set->second) : row->default_value, INT64_MIN,
                           INT64_MAX)
          .value_or(otherwise);
    };
    const auto number = parse_integer(value, INT64_MIN, INT64_MAX);
    if (!number) continue;
    if (*number < bound(limits.min, INT64_MIN))
      return invalid(fmt::format("{} must be greater than or equal to {}", name, limits.min));
    if (*number > bound(limits.max, INT64_MAX))
      return invalid(fmt::format("{} must be less than or equal to {}", name, limits.max));
  }
  return {};
}

Result<> validate_client_metrics_configs(const ConfigMap& configs) {
  constexpr int64_t kIntervalMinMs = 100;
  constexpr int64_t kIntervalMaxMs = 3600000;
  for (const auto& [name, value] : configs) {
    const ConfigKey* key = find_config_key(ConfigSection::kClientMetrics, name);
    if (key == nullptr) return fail(Errc::kUnsupported, fmt::format("Unknown client metrics configuration: {}", name));
    TRY(validate_config(*key, value));
    if (name == "interval.ms") {
      const int64_t interval = *parse_integer(value, INT32_MIN, INT32_MAX);
      if (interval < kIntervalMinMs || interval > kIntervalMaxMs) {
        return fail(Errc::kUnsupported,
                    fmt::format("Invalid value {} for {}, interval must be between {} and {} (1 hour)", value, name,
                                kIntervalMinMs, kIntervalMaxMs));
      }
    }
  }
  return {};
}

Result<> check_cordoned_log_dirs(std::string_view cordoned, const std::vector<std::string>& log_dirs) {
  std::vector<std::string> missing;
  for (const std::string& item : parse_list(cordoned)) {
    if (item != "*" && std::ranges::find(log_dirs, item) == log_dirs.end()) missing.push_back(item);
  }
  if (missing.empty()) return {};
  return invalid(
      fmt::format("All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : {}",
                  fmt::join(missing, ",")));
}

Result<> validate_broker_configs(const ConfigMap& configs, bool cluster_wide) {
  std::vector<std::string_view> fixed;
  std::vector<std::string_view> per_broker;
  for (const auto& [name, value] : configs) {
    const ConfigKey* key = find_config_key(ConfigSection::kBroker, name);
    if (key == nullptr) continue;
    if (key->update == Update::kReadOnly) fixed.push_back(name);
    if (key->update == Update::kPerBroker) per_broker.push_back(name);
  }
  if (!fixed.empty())
    return invalid(fmt::format("Cannot update these configs dynamically: [{}]", fmt::join(fixed, ", ")));
  if (cluster_wide && !per_broker.empty()) {
    return invalid(
        fmt::format("Cannot update these configs at default cluster level, broker id must be specified: [{}]",
                    fmt::join(per_broker, ", ")));
  }
  for (const auto& [name, value] : configs) {
    const ConfigKey* key = find_config_key(ConfigSection::kBroker, name);
    if (key != nullptr) TRY(validate_config(*key, value));
    const bool is_retention =
        name == "log.retention.ms" || name == "log.retention.minutes" || name == "log.retention.hours";
    if (is_retention && parse_integer(value, INT64_MIN, INT64_MAX).value_or(1) == 0)
      return invalid(fmt::format("{} must be unlimited (-1) or, greater than or equal to 1", name));
  }
  return {};
}

}  // namespace weir::broker
