// weir quorum ..., weir feature ...
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "quorum/metadata_version.h"
#include "weir/admin.h"

namespace weir::cli {
namespace {

using client::Admin;
using client::QuorumReplica;

// The name of a level of metadata.version; the number of others.
std::string level_text(std::string_view feature, int16_t level) {
  const quorum::MetadataVersion version(level);
  const bool is_named = feature == quorum::kMetadataVersionFeature && version.is_supported();
  return is_named ? fmt::format("{} ({})", level, version.name()) : std::to_string(level);
}

Result<std::map<std::string, int16_t>> levels_of(const Assignments& assignments) {
  std::map<std::string, int16_t> levels;
  for (const auto& [name, text] : assignments) {
    int16_t level = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
    if (error == std::errc() && end == text.data() + text.size()) {
      levels[name] = level;
      continue;
    }
    const auto version = quorum::MetadataVersion::parse(text);
    if (name != quorum::kMetadataVersionFeature || !version)
      return fail(Errc::kInvalidArgument,
                  fmt::format("{}={}: a level is a number{}", name, text,
                              name == quorum::kMetadataVersionFeature ? ", or a release such as 4.3 or 4.3-IV0" : ""));
    levels[name] = version->level();
  }
  return levels;
}

std::string in_seconds(Timestamp now, Timestamp then) {
  if (then < Timestamp(0)) return "never";
  return fmt::format("{:.1f}", static_cast<double>(std::max<int64_t>(now - then, 0)) / 1000);
}

Task<Result<int>> update_features(Context& context, Assignments assignments, client::FeatureChange change,
                                  bool dry_run) {
  const auto levels = levels_of(assignments);
  if (!levels) {
    context.tell("weir: " + levels.error().message);
    co_return kExitWrongUsage;
  }
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  if (const Result<> updated = co_await admin.update_features(*levels, change, dry_run); !updated) {
    context.tell("weir: " + updated.error().message);
    co_return kExitFailed;
  }
  std::string text;
  Json json;
  json.begin_array();
  for (const auto& [name, level] : *levels) {
    text += fmt::format("{} {} {}\n", name, dry_run ? "could go to level" : "is at level", level_text(name, level));
    json.begin_object().key("name").string(name).key("level").number(level).end_object();
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return kExitDone;
}

}  // namespace

Task<Result<int>> run_command(Context& context, QuorumDescribe) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto quorum, co_await admin.describe_quorum());
  Table table({"VOTER", "ROLE", "ADDRESS", "DIRECTORY"});
  Json json;
  json.begin_object().key("leader").number(quorum.leader.value()).key("epoch").number(quorum.epoch.value());
  json.key("high_watermark").number(quorum.high_watermark.value()).key("voters").begin_array();
  for (const QuorumReplica& voter : quorum.voters) {
    std::string addresses;
    json.begin_object().key("id").number(voter.id.value());
    json.key("directory").string(voter.directory_id.to_string()).key("addresses").begin_array();
    if (const auto found = quorum.endpoints.find(voter.id); found != quorum.endpoints.end()) {
      for (const Endpoint& endpoint : found->second) {
        addresses += (addresses.empty() ? "" : ",") + endpoint.to_string();
        json.string(endpoint.to_string());
      }
    }
    json.end_array().end_object();
    const bool has_directory = voter.directory_id != kZeroUuid;
    table.add({std::to_string(voter.id.value()), voter.id == quorum.leader ? "leader" : "follower",
               addresses.empty() ? "-" : addresses, has_directory ? "id " + voter.directory_id.to_string() : "-"});
  }
  json.end_array().key("observers").begin_array();
  for (const QuorumReplica& observer : quorum.observers) json.number(observer.id.value());
  json.end_array().end_object();
  const std::string head = fmt::format("leader {}  epoch {}  voters {}  observers {}\n", quorum.leader.value(),
                                       quorum.epoch.value(), quorum.voters.size(), quorum.observers.size());
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : head + table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, QuorumReplication) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto quorum, co_await admin.describe_quorum());
  Offset leader_end = quorum.high_watermark;
  for (const QuorumReplica& voter : quorum.voters) leader_end = std::max(leader_end, voter.end_offset);
  Table table({"NODE", "ROLE", "LAG", "SECONDS SINCE FETCH", "SECONDS BEHIND"});
  Json json;
  json.begin_array();
  const auto add = [&](const QuorumReplica& replica, std::string_view role) {
    const int64_t lag = replica.end_offset == kNoOffset ? leader_end.value() : leader_end - replica.end_offset;
    table.add({std::to_string(replica.id.value()), std::string(role), std::to_string(lag),
               in_seconds(context.wall(), replica.last_fetch), in_seconds(context.wall(), replica.last_caught_up)});
    json.begin_object().key("id").number(replica.id.value()).key("role").string(role);
    json.key("end_offset").number(replica.end_offset.value()).key("lag").number(lag);
    json.key("last_fetch_ms").number(replica.last_fetch.value());
    json.key("last_caught_up_ms").number(replica.last_caught_up.value()).end_object();
  };
  for (const QuorumReplica& voter : quorum.voters) add(voter, voter.id == quorum.leader ? "leader" : "follower");
  for (const QuorumReplica& observer : quorum.observers) add(observer, "observer");
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, FeatureDescribe) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto features, co_await admin.describe_features());
  Table table({"FEATURE", "LEVEL", "LOWEST", "HIGHEST"});
  Json json;
  json.begin_array();
  for (const auto& feature : features) {
    table.add({feature.name, level_text(feature.name, feature.level), level_text(feature.name, feature.supported_min),
               level_text(feature.name, feature.supported_max)});
    json.begin_object().key("name").string(feature.name).key("level").number(feature.level);
    json.key("lowest").number(feature.supported_min).key("highest").number(feature.supported_max).end_object();
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, FeatureUpgrade command) {
  return update_features(context, std::move(command.levels), client::FeatureChange::kUpgrade, command.dry_run);
}

Task<Result<int>> run_command(Context& context, FeatureDowngrade command) {
  using client::FeatureChange;
  return update_features(context, std::move(command.levels),
                         command.unsafe ? FeatureChange::kUnsafeDowngrade : FeatureChange::kSafeDowngrade,
                         command.dry_run);
}

}  // namespace weir::cli
