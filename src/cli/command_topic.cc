// weir topic ...
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/config/config_key.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/places.h"

namespace weir::cli {
namespace {

using client::Admin;
using client::TopicDescription;

std::vector<int32_t> numbers(const std::vector<NodeId>& nodes) {
  std::vector<int32_t> ids;
  for (const NodeId node : nodes) ids.push_back(node.value());
  return ids;
}

std::string listed(const std::vector<NodeId>& nodes) {
  std::string text;
  for (const NodeId node : nodes) text += (text.empty() ? "" : ",") + std::to_string(node.value());
  return text.empty() ? "none" : text;
}

void add_numbers(Json& json, std::string_view name, const std::vector<int32_t>& values) {
  json.key(name).begin_array();
  for (const int32_t value : values) json.number(value);
  json.end_array();
}

size_t replication_of(const TopicDescription& topic) {
  return topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size();
}

std::vector<client::ConfigEntry> overrides(std::vector<client::ConfigEntry> configs) {
  std::erase_if(configs, [](const client::ConfigEntry& config) { return config.source != "topic"; });
  return configs;
}

std::string describe_text(const TopicDescription& topic, const std::vector<client::ConfigEntry>& configs) {
  std::string text = fmt::format("topic {}  id {}  partitions {}  replicas {}\n", topic.name, topic.id.to_string(),
                                 topic.partitions.size(), replication_of(topic));
  for (const client::ConfigEntry& config : configs) {
    text += fmt::format("  {}={}\n", config.name, config.value.value_or("(hidden)"));
  }
  Table table({"PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC"});
  for (const auto& partition : topic.partitions) {
    const bool led = partition.leader != kNoNode;
    table.add({std::to_string(partition.index.value()), led ? std::to_string(partition.leader.value()) : "none",
               std::to_string(partition.leader_epoch.value()), listed(partition.replicas), listed(partition.in_sync)});
  }
  return text + table.text();
}

void describe_json(Json& json, const TopicDescription& topic, const std::vector<client::ConfigEntry>& configs) {
  json.begin_object().key("name").string(topic.name).key("id").string(topic.id.to_string());
  json.key("internal").boolean(topic.internal).key("configs").begin_object();
  for (const client::ConfigEntry& config : configs) {
    json.key(config.name);
    config.value ? json.string(*config.value) : json.null();
  }
  json.end_object().key("partitions").begin_array();
  for (const auto& partition : topic.partitions) {
    json.begin_object().key("partition").number(partition.index.value());
    json.key("leader").number(partition.leader.value()).key("leader_epoch").number(partition.leader_epoch.value());
    add_numbers(json, "replicas", numbers(partition.replicas));
    add_numbers(json, "in_sync", numbers(partition.in_sync));
    json.end_object();
  }
  json.end_array().end_object();
}

// Tells of each thing that was done, or why not.
Task<Result<int>> report(Context& context, std::vector<client::Outcome<>> outcomes, std::string_view done) {
  int exit_code = kExitDone;
  std::string text;
  Json json;
  json.begin_array();
  for (const auto& outcome : outcomes) {
    if (outcome.result) {
      text += fmt::format("{} topic {}\n", done, outcome.name);
      json.string(outcome.name);
    } else {
      context.tell("weir: " + outcome.result.error().message);
      exit_code = kExitFailed;
    }
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return exit_code;
}

// A known state of affairs is no failure after all.
void forgive(Context& context, std::vector<client::Outcome<>>& outcomes, Errc code, std::string_view state) {
  std::erase_if(outcomes, [&](const client::Outcome<>& outcome) {
    if (outcome.result || outcome.result.error().code != code) return false;
    context.tell(fmt::format("topic {} {}", outcome.name, state));
    return true;
  });
}

// For settings that were refused: the names that may have been meant.
void suggest_settings(std::vector<client::Outcome<>>& outcomes, const Assignments& settings) {
  std::string meant;
  for (const auto& [name, value] : settings) {
    using broker::ConfigSection;
    if (broker::find_config_key(ConfigSection::kTopic, name) != nullptr) continue;
    const auto* nearest = broker::nearest_config_key(ConfigSection::kTopic, name);
    if (nearest != nullptr) meant += fmt::format("; did you mean '{}'?", nearest->name);
  }
  for (auto& outcome : outcomes) {
    if (!outcome.result && outcome.result.error().code == Errc::kInvalidArgument) {
      outcome.result = fail(Errc::kInvalidArgument, outcome.result.error().message + meant);
    }
  }
}

}  // namespace

Task<Result<int>> run_command(Context& context, TopicList command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(auto topics, co_await admin.list_topics());
  if (!command.internal) std::erase_if(topics, [](const TopicDescription& topic) { return topic.internal; });
  Table table({"TOPIC", "PARTITIONS", "REPLICAS"});
  Json json;
  json.begin_array();
  for (const TopicDescription& topic : topics) {
    table.add({topic.name, std::to_string(topic.partitions.size()), std::to_string(replication_of(topic))});
    json.begin_object().key("name").string(topic.name).key("id").string(topic.id.to_string());
    json.key("internal").boolean(topic.internal);
    json.key("partitions").number(static_cast<int64_t>(topic.partitions.size()));
    json.key("replicas").number(static_cast<int64_t>(replication_of(topic))).end_object();
  }
  json.end_array();
  if (table.empty() && !context.wants_json()) {
    context.tell("no topics; create one with: weir topic create NAME");
    co_return kExitDone;
  }
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, TopicDescribe command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto described, co_await admin.describe_topics(command.names));
  int exit_code = kExitDone;
  std::string text;
  Json json;
  json.begin_array();
  for (const auto& outcome : described) {
    if (!outcome.result) {
      const Error error = co_await explained(admin, outcome.name, outcome.result.error());
      context.tell("weir: " + error.message);
      exit_code = kExitFailed;
      continue;
    }
    CO_TRY_ASSIGN(auto configs, co_await admin.describe_config({client::ConfigResourceType::kTopic, outcome.name}));
    configs = overrides(std::move(configs));
    text += (text.empty() ? "" : "\n") + describe_text(*outcome.result, configs);
    describe_json(json, *outcome.result, configs);
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return exit_code;
}

Task<Result<int>> run_command(Context& context, TopicCreate command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  std::vector<client::NewTopic> topics;
  for (const std::string& name : command.names) {
    topics.push_back({.name = name,
                      .partitions = command.partitions,
                      .replication_factor = command.replication,
                      .configs = {command.configs.begin(), command.configs.end()}});
  }
  CO_TRY_ASSIGN(auto outcomes, co_await admin.create_topics(std::move(topics), command.dry_run));
  if (command.if_not_exists) forgive(context, outcomes, Errc::kAlreadyExists, "is there already");
  suggest_settings(outcomes, command.configs);
  co_return co_await report(context, std::move(outcomes), command.dry_run ? "could create" : "created");
}

Task<Result<int>> run_command(Context& context, TopicDelete command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(auto outcomes, co_await admin.delete_topics(command.names));
  if (command.if_exists) forgive(context, outcomes, Errc::kNotFound, "is not there");
  for (auto& outcome : outcomes) {
    if (!outcome.result) {
      outcome.result = std::unexpected(co_await explained(admin, outcome.name, outcome.result.error()));
    }
  }
  co_return co_await report(context, std::move(outcomes), "deleted");
}

Task<Result<int>> run_command(Context& context, TopicAlter command) {
  if (command.partitions < 0 && command.set.empty() && command.unset.empty()) {
    context.tell("weir: nothing to change: give --partitions, --set or --unset");
    co_return kExitWrongUsage;
  }
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  client::ConfigChanges changes{command.set.begin(), command.set.end()};
  for (const std::string& name : command.unset) changes[name] = std::nullopt;
  Result<> changed;
  if (!changes.empty()) {
    changed = co_await admin.alter_config({client::ConfigResourceType::kTopic, command.name}, std::move(changes));
  }
  if (changed && command.partitions > 0) {
    changed = co_await admin.create_partitions(command.name, command.partitions);
  }
  if (!changed) changed = std::unexpected(co_await explained(admin, command.name, changed.error()));
  std::vector<client::Outcome<>> outcomes = {{command.name, std::move(changed)}};
  Assignments settings = command.set;
  for (const std::string& name : command.unset) settings.emplace_back(name, "");
  suggest_settings(outcomes, settings);
  co_return co_await report(context, std::move(outcomes), "changed");
}

Task<Result<int>> run_command(Context& context, TopicOffsets command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  std::vector<PlaceSpec> wanted = {Earliest{}, Latest{}};
  if (!command.at.empty()) {
    CO_TRY_ASSIGN(const PlaceSpec at, parse_place(command.at, context.wall()));
    wanted = {at};
  }
  Table table(command.at.empty() ? std::vector<std::string>{"TOPIC", "PARTITION", "FIRST", "END", "RECORDS"}
                                 : std::vector<std::string>{"TOPIC", "PARTITION", "OFFSET"});
  Json json;
  json.begin_array();
  for (const std::string& name : command.names) {
    CO_TRY_ASSIGN(const auto places, co_await partitions_of(admin, name, {}));
    std::vector<std::map<client::TopicPartition, Offset>> found;
    for (const PlaceSpec& spec : wanted) {
      CO_TRY_ASSIGN(auto offsets, co_await offsets_at(admin, places, spec));
      found.push_back(std::move(offsets));
    }
    for (const auto& place : places) {
      std::vector<std::string> row = {place.topic, std::to_string(place.partition.value())};
      json.begin_object().key("topic").string(place.topic).key("partition").number(place.partition.value());
      for (size_t i = 0; i < found.size(); ++i) {
        const int64_t offset = found[i].at(place).value();
        row.push_back(std::to_string(offset));
        json.key(found.size() == 1 ? "offset" : i == 0 ? "first" : "end").number(offset);
      }
      if (found.size() == 2) row.push_back(std::to_string(found[1].at(place) - found[0].at(place)));
      json.end_object();
      table.add(std::move(row));
    }
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, TopicTrim command) {
  CO_TRY_ASSIGN(const PlaceSpec before, parse_place(command.before, context.wall()));
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto places, co_await partitions_of(admin, command.name, command.partitions));
  CO_TRY_ASSIGN(auto offsets, co_await offsets_at(admin, places, before));
  CO_TRY_ASSIGN(const auto outcomes, co_await admin.delete_records(std::move(offsets)));
  int exit_code = kExitDone;
  Table table({"PARTITION", "FIRST OFFSET LEFT"});
  Json json;
  json.begin_array();
  for (const auto& outcome : outcomes) {
    if (outcome.result) {
      table.add({outcome.name, std::to_string(outcome.result->value())});
      json.begin_object()
          .key("partition")
          .string(outcome.name)
          .key("first")
          .number(outcome.result->value())
          .end_object();
    } else {
      context.tell("weir: " + outcome.result.error().message);
      exit_code = kExitFailed;
    }
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.empty() ? "" : table.text()));
  co_return exit_code;
}

}  // namespace weir::cli
