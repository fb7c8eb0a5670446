// The settings that Kafka 4.3.1 knows, as data: name, type, default, limits, how it may change, and what weir does with
// it. Constant tables compiled in; any thread. docs/operations/configuration.md is written from them (weir_config_doc).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::broker {

// The numbers are those of DescribeConfigs on the wire.
enum class ConfigType : int8_t {
  kUnknown = 0,  // of no key: log levels are described so
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kShort = 4,
  kLong = 5,
  kDouble = 6,
  kList = 7,
  kClass = 8,
  kPassword = 9,
};

enum class Importance : uint8_t { kHigh, kMedium, kLow };

// Where a setting may be changed. Topic, group and client-metrics settings are of their resource.
enum class Update : uint8_t {
  kReadOnly,     // in the file only, read at start
  kPerBroker,    // at run time, per broker
  kClusterWide,  // at run time, per broker or for all brokers
  kDynamicOnly,  // at run time only, not in the file
  kResource,     // of a topic, a group, a client-metrics subscription
};

enum class Support : uint8_t {
  kWorks,      // does what it does in Kafka
  kNoMeaning,  // accepted, validated and described; there is nothing here that it could steer, as its note says
  kNotBuilt,   // accepted, validated and described; a warning at start says that it has no effect yet
};

// What values are allowed beyond the type.
struct Valid {
  enum class Kind : uint8_t {
    kAny,
    kAtLeast,
    kBetween,
    kBetweenOrMinusOne,
    kOneOf,
    kOneOfAnyCase,
    kNonEmpty,
    kThrottledReplicas,
    kOffsetReset,
  };
  Kind kind = Kind::kAny;
  double low = 0;
  double high = 0;
  std::string_view choices;  // separated by ", "
};

constexpr Valid at_least(double low) { return {.kind = Valid::Kind::kAtLeast, .low = low}; }
constexpr Valid between(double low, double high) { return {.kind = Valid::Kind::kBetween, .low = low, .high = high}; }
constexpr Valid between_or_minus_one(double low, double high) {
  return {.kind = Valid::Kind::kBetweenOrMinusOne, .low = low, .high = high};
}
constexpr Valid one_of(std::string_view choices) { return {.kind = Valid::Kind::kOneOf, .choices = choices}; }
constexpr Valid one_of_any_case(std::string_view choices) {
  return {.kind = Valid::Kind::kOneOfAnyCase, .choices = choices};
}
constexpr Valid any_value() { return {}; }
constexpr Valid non_empty() { return {.kind = Valid::Kind::kNonEmpty}; }
constexpr Valid throttled_replicas() { return {.kind = Valid::Kind::kThrottledReplicas}; }
constexpr Valid offset_reset() { return {.kind = Valid::Kind::kOffsetReset}; }

struct ConfigKey {
  std::string_view name;
  ConfigType type;
  const char* default_value;  // nullptr: null
  Valid valid;
  Importance importance;
  Update update;
  Support support;
  std::string_view note;  // what it does; for kNoMeaning and kNotBuilt why it does nothing
  // Kafka's own undocumented settings: validated like others, but described only when set.
  bool internal = false;

  [[nodiscard]] bool is_sensitive() const { return type == ConfigType::kPassword; }
};

enum class ConfigSection : uint8_t { kBroker, kTopic, kGroup, kClientMetrics };

// All keys of a section, sorted by name. Lives as long as the process.
std::span<const ConfigKey* const> config_keys(ConfigSection section);

// nullptr when the section has no such key.
const ConfigKey* find_config_key(ConfigSection section, std::string_view name);

// The key whose name takes the fewest typing mistakes to become `name`; nullptr when none is close enough to be meant.
const ConfigKey* nearest_config_key(ConfigSection section, std::string_view name);

// A broker setting that supplies the default of a topic's or a group's, multiplied: retention.ms is log.retention.hours
// x 3600000.
struct BrokerDefault {
  std::string_view key;
  std::string_view broker_key;
  int64_t factor = 1;
};

// Those of a topic or group key, strongest first, and the last has a default; none for a key that the broker has no
// setting for.
std::span<const BrokerDefault> broker_defaults(ConfigSection section, std::string_view key);

// The broker settings that stand for the same as `broker_key`, strongest first, itself among them: those of
// log.retention.ms are .ms, .minutes and .hours. Only itself for most.
std::vector<std::string_view> broker_synonyms(std::string_view broker_key);

std::string_view config_type_name(ConfigType type);
std::string valid_text(const ConfigKey& key);  // "[0,...]", "[compact, delete]", "" for anything

namespace tables {
// One table per area; config_key.cc merges and sorts them.
extern const std::span<const ConfigKey> kNodeKeys;
extern const std::span<const ConfigKey> kNetworkKeys;
extern const std::span<const ConfigKey> kLogKeys;
extern const std::span<const ConfigKey> kReplicationKeys;
extern const std::span<const ConfigKey> kGroupCoordinatorKeys;
extern const std::span<const ConfigKey> kTransactionKeys;
extern const std::span<const ConfigKey> kSecurityKeys;
extern const std::span<const ConfigKey> kTieredKeys;
extern const std::span<const ConfigKey> kTopicKeys;
extern const std::span<const ConfigKey> kGroupKeys;
extern const std::span<const ConfigKey> kClientMetricsKeys;
extern const std::span<const BrokerDefault> kTopicDefaults;  // rows of one key are neighbours
extern const std::span<const BrokerDefault> kGroupDefaults;
}  // namespace tables

}  // namespace weir::broker
