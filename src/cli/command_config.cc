// weir config ...
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "broker/config/config_key.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "weir/admin.h"

namespace weir::cli {
namespace {

using client::Admin;
using client::ConfigResource;
using client::ConfigResourceType;

struct TypeName {
  std::string_view name;
  ConfigResourceType type;
};
constexpr auto kTypes = std::to_array<TypeName>({{"topic", ConfigResourceType::kTopic},
                                                 {"broker", ConfigResourceType::kBroker},
                                                 {"logger", ConfigResourceType::kBrokerLogger},
                                                 {"client-metrics", ConfigResourceType::kClientMetrics},
                                                 {"group", ConfigResourceType::kGroup}});

// The command line has checked the name.
ConfigResourceType type_of(std::string_view name) { return std::ranges::find(kTypes, name, &TypeName::name)->type; }

std::string_view name_of(ConfigResourceType type) {
  const auto found = std::ranges::find(kTypes, type, &TypeName::type);
  return found == kTypes.end() ? "unknown" : found->name;
}

// Where settings stand that are the resource's own, not inherited.
bool is_set(const ConfigResource& resource, const client::ConfigEntry& entry) {
  if (resource.type == ConfigResourceType::kBroker) return entry.source == "broker" || entry.source == "cluster";
  return entry.source == name_of(resource.type);
}

std::string value_text(const client::ConfigEntry& entry) {
  if (entry.value) return *entry.value;
  return entry.sensitive ? "(hidden)" : "(none)";
}

// For settings that were refused: the name that may have been meant.
std::string suggestion(ConfigResourceType type, const client::ConfigChanges& changes) {
  using broker::ConfigSection;
  if (type == ConfigResourceType::kBrokerLogger) return "";
  const ConfigSection section = type == ConfigResourceType::kTopic           ? ConfigSection::kTopic
                                : type == ConfigResourceType::kBroker        ? ConfigSection::kBroker
                                : type == ConfigResourceType::kClientMetrics ? ConfigSection::kClientMetrics
                                                                             : ConfigSection::kGroup;
  std::string meant;
  for (const auto& [name, value] : changes) {
    if (broker::find_config_key(section, name) != nullptr) continue;
    const auto* nearest = broker::nearest_config_key(section, name);
    if (nearest != nullptr) meant += fmt::format("; did you mean '{}'?", nearest->name);
  }
  return meant;
}

Task<Result<int>> change(Context& context, std::string type, std::string name, client::ConfigChanges changes) {
  const ConfigResource resource{type_of(type), std::move(name)};
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  const Result<> changed = co_await admin.alter_config(resource, changes);
  if (!changed) {
    const bool wrong = changed.error().code == Errc::kInvalidArgument;
    context.tell(fmt::format("weir: {}{}", changed.error().message, wrong ? suggestion(resource.type, changes) : ""));
    co_return kExitFailed;
  }
  const std::string what = resource.name.empty() ? type + "s, all" : type + " " + resource.name;
  Json json;
  json.begin_object().key("type").string(type).key("name").string(resource.name).end_object();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : fmt::format("changed {}\n", what)));
  co_return kExitDone;
}

}  // namespace

Task<Result<int>> run_command(Context& context, ConfigList command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(auto resources, co_await admin.list_config_resources());
  std::erase_if(resources, [&](const ConfigResource& resource) {
    return !command.type.empty() && resource.type != type_of(command.type);
  });
  Table table({"TYPE", "NAME"});
  Json json;
  json.begin_array();
  for (const ConfigResource& resource : resources) {
    table.add({std::string(name_of(resource.type)), resource.name});
    json.begin_object().key("type").string(name_of(resource.type)).key("name").string(resource.name).end_object();
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, ConfigDescribe command) {
  const ConfigResource resource{type_of(command.type), command.name};
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(auto entries, co_await admin.describe_config(resource));
  if (!command.all) {
    std::erase_if(entries, [&](const client::ConfigEntry& entry) { return !is_set(resource, entry); });
  }
  Table table({"SETTING", "VALUE", "FROM"});
  Json json;
  json.begin_array();
  for (const client::ConfigEntry& entry : entries) {
    table.add({entry.name, value_text(entry), entry.source});
    json.begin_object().key("name").string(entry.name).key("value");
    entry.value ? json.string(*entry.value) : json.null();
    json.key("from").string(entry.source).key("read_only").boolean(entry.read_only);
    json.key("sensitive").boolean(entry.sensitive).end_object();
  }
  json.end_array();
  if (table.empty() && !context.wants_json()) {
    context.tell("nothing is set; --all shows what is in force");
    co_return kExitDone;
  }
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, ConfigSet command) {
  client::ConfigChanges changes{command.settings.begin(), command.settings.end()};
  return change(context, std::move(command.type), std::move(command.name), std::move(changes));
}

Task<Result<int>> run_command(Context& context, ConfigUnset command) {
  client::ConfigChanges changes;
  for (const std::string& name : command.settings) changes[name] = std::nullopt;
  return change(context, std::move(command.type), std::move(command.name), std::move(changes));
}

}  // namespace weir::cli
