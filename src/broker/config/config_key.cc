#include "broker/config/config_key.h"

#include <fmt/format.h>

namespace weir::broker {
namespace {

using Keys = std::vector<const ConfigKey*>;

Keys sorted(std::initializer_list<std::span<const ConfigKey>> tables) {
  Keys keys;
  for (auto table : tables) {
    for (const auto& key : table) keys.push_back(&key);
  }
  std::ranges::sort(keys, {}, &ConfigKey::name);
  return keys;
}

const Keys& keys_of(ConfigSection section) {
  using namespace tables;
  static const Keys broker = sorted({kNodeKeys, kNetworkKeys, kLogKeys, kReplicationKeys, kGroupCoordinatorKeys,
                                     kTransactionKeys, kSecurityKeys, kTieredKeys});
  static const Keys topic = sorted({kTopicKeys});
  static const Keys group = sorted({kGroupKeys});
  static const Keys client_metrics = sorted({kClientMetricsKeys});
  switch (section) {
    case ConfigSection::kBroker:
      return broker;
    case ConfigSection::kTopic:
      return topic;
    case ConfigSection::kGroup:
      return group;
    case ConfigSection::kClientMetrics:
      return client_metrics;
  }
  return broker;
}

// Insertions, removals and replacements that make `b` of `a` (Levenshtein).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

std::string number_text(double number) { return fmt::format("{}", number); }

}  // namespace

std::span<const ConfigKey* const> config_keys(ConfigSection section) { return keys_of(section); }

const ConfigKey* find_config_key(ConfigSection section, std::string_view name) {
  const Keys& keys = keys_of(section);
  const auto at = std::ranges::lower_bound(keys, name, {}, &ConfigKey::name);
  return at != keys.end() && (*at)->name == name ? *at : nullptr;
}

const ConfigKey* nearest_config_key(ConfigSection section, std::string_view name) {
  // A name of a whole file's line may be long; what is longer than any key by half is no typing mistake.
  constexpr size_t kNameLengthMax = 100;
  if (name.size() > kNameLengthMax) return nullptr;
  const ConfigKey* nearest = nullptr;
  size_t nearest_distance = std::max<size_t>(2, name.size() / 4) + 1;
  for (const ConfigKey* key : keys_of(section)) {
    const size_t distance = edit_distance(name, key->name);
    if (distance < nearest_distance) {
      nearest = key;
      nearest_distance = distance;
    }
  }
  return nearest;
}

std::span<const BrokerDefault> broker_defaults(ConfigSection section, std::string_view key) {
  if (section != ConfigSection::kTopic && section != ConfigSection::kGroup) return {};
  const auto rows = section == ConfigSection::kTopic ? tables::kTopicDefaults : tables::kGroupDefaults;
  const auto found = std::ranges::equal_range(rows, key, {}, &BrokerDefault::key);
  return {found.begin(), found.end()};
}

std::vector<std::string_view> broker_synonyms(std::string_view broker_key) {
  if (broker_key == "node.id" || broker_key == "broker.id")
    return {broker_key, broker_key == "node.id" ? "broker.id" : "node.id"};
  for (const auto& row : tables::kTopicDefaults) {
    if (row.broker_key != broker_key) continue;
    std::vector<std::string_view> names;
    for (const auto& synonym : broker_defaults(ConfigSection::kTopic, row.key)) names.push_back(synonym.broker_key);
    // A weaker one does not stand for a stronger: log.retention.hours has a value of its own.
    names.erase(names.begin(), std::ranges::find(names, broker_key));
    return names;
  }
  return {broker_key};
}

std::string_view config_type_name(ConfigType type) {
  switch (type) {
    case ConfigType::kUnknown:
      break;
    case ConfigType::kBoolean:
      return "boolean";
    case ConfigType::kString:
      return "string";
    case ConfigType::kInt:
      return "int";
    case ConfigType::kShort:
      return "short";
    case ConfigType::kLong:
      return "long";
    case ConfigType::kDouble:
      return "double";
    case ConfigType::kList:
      return "list";
    case ConfigType::kClass:
      return "class";
    case ConfigType::kPassword:
      return "password";
  }
  return "string";
}

std::string valid_text(const ConfigKey& key) {
  const Valid& valid = key.valid;
  switch (valid.kind) {
    case Valid::Kind::kAny:
      return "";
    case Valid::Kind::kAtLeast:
      return fmt::format("[{},...]", number_text(valid.low));
    case Valid::Kind::kBetween:
      return fmt::format("[{},...,{}]", number_text(valid.low), number_text(valid.high));
    case Valid::Kind::kBetweenOrMinusOne:
      return fmt::format("[{},...,{}] or -1", number_text(valid.low), number_text(valid.high));
    case Valid::Kind::kOneOf:
      return fmt::format("[{}]", valid.choices);
    case Valid::Kind::kOneOfAnyCase:
      return fmt::format("(case insensitive) [{}]", valid.choices);
    case Valid::Kind::kNonEmpty:
      return "non-empty string";
    case Valid::Kind::kThrottledReplicas:
      return "[partitionId]:[brokerId],[partitionId]:[brokerId],...";
    case Valid::Kind::kOffsetReset:
      return "[latest, earliest, by_duration:PnDTnHnMn.nS]";
  }
  return "";
}

}  // namespace weir::broker
