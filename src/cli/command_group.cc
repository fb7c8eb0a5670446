// weir group ...
#include <fmt/format.h>

#include <algorithm>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/places.h"

namespace weir::cli {
namespace {

using client::Admin;
using client::TopicPartition;

using Committed = std::map<TopicPartition, client::CommittedOffset>;
using Offsets = std::map<TopicPartition, Offset>;

// The ends of the partitions that still exist.
Task<Result<Offsets>> ends_of(Admin& admin, const std::vector<TopicPartition>& places) {
  std::map<TopicPartition, Timestamp> wanted;
  for (const TopicPartition& place : places) wanted[place] = client::kLatestSpec;
  Offsets ends;
  if (wanted.empty()) co_return ends;
  CO_TRY_ASSIGN(const auto found, co_await admin.list_offsets(std::move(wanted)));
  for (const auto& [place, end] : found) {
    if (end) ends[place] = end->offset;
  }
  co_return ends;
}

struct Row {
  TopicPartition place;
  std::optional<Offset> committed;
  std::optional<Offset> end;
  const client::GroupMember* member = nullptr;

  [[nodiscard]] std::optional<int64_t> lag() const {
    if (!committed || !end) return std::nullopt;
    return std::max<int64_t>(*end - *committed, 0);
  }
};

std::vector<Row> rows_of(const client::GroupDescription& group, const Committed& committed, const Offsets& ends) {
  std::map<TopicPartition, Row> rows;
  for (const auto& [place, offset] : committed) rows[place].committed = offset.offset;
  for (const client::GroupMember& member : group.members) {
    for (const TopicPartition& place : member.assignment) rows[place].member = &member;
  }
  std::vector<Row> result;
  for (auto& [place, row] : rows) {
    row.place = place;
    if (const auto end = ends.find(place); end != ends.end()) row.end = end->second;
    result.push_back(row);
  }
  return result;
}

std::string shown(const std::optional<int64_t>& number) { return number ? std::to_string(*number) : "-"; }
std::optional<int64_t> value(const std::optional<Offset>& offset) {
  return offset ? std::optional(offset->value()) : std::nullopt;
}

std::string describe_text(const client::GroupDescription& group, const std::vector<Row>& rows) {
  std::string text =
      fmt::format("group {}  state {}  members {}  coordinator {}{}\n", group.id, group.state, group.members.size(),
                  group.coordinator.value(), group.assignor.empty() ? "" : "  assignor " + group.assignor);
  const bool has_epochs = group.epoch >= 0;
  if (has_epochs) text.insert(text.size() - 1, fmt::format("  type {}  epoch {}", group.type, group.epoch));
  Table offsets({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "HOST"});
  for (const Row& row : rows) {
    offsets.add({row.place.topic, std::to_string(row.place.partition.value()), shown(value(row.committed)),
                 shown(value(row.end)), shown(row.lag()), row.member == nullptr ? "-" : row.member->id,
                 row.member == nullptr ? "-" : row.member->host});
  }
  if (!offsets.empty()) text += offsets.text();
  for (const client::GroupMember& member : group.members) {
    const std::string_view nothing = member.assignment.empty() ? " has no partitions" : "";
    if (has_epochs) {
      text += fmt::format("member {} at {} in epoch {}{}\n", member.id, member.host, member.epoch, nothing);
    } else if (!nothing.empty()) {
      text += fmt::format("member {} at {}{}\n", member.id, member.host, nothing);
    }
  }
  return text;
}

void add_number(Json& json, std::string_view name, const std::optional<int64_t>& number) {
  json.key(name);
  number ? json.number(*number) : json.null();
}

void describe_json(Json& json, const client::GroupDescription& group, const std::vector<Row>& rows) {
  json.begin_object().key("group").string(group.id).key("state").string(group.state);
  json.key("type").string(group.type);
  if (group.epoch >= 0) json.key("epoch").number(group.epoch);
  json.key("protocol_type").string(group.protocol_type).key("assignor").string(group.assignor);
  json.key("coordinator").number(group.coordinator.value()).key("members").begin_array();
  for (const client::GroupMember& member : group.members) {
    json.begin_object().key("id").string(member.id).key("instance").string(member.instance);
    if (group.epoch >= 0) json.key("epoch").number(member.epoch);
    json.key("client_id").string(member.client_id).key("host").string(member.host).end_object();
  }
  json.end_array().key("partitions").begin_array();
  for (const Row& row : rows) {
    json.begin_object().key("topic").string(row.place.topic).key("partition").number(row.place.partition.value());
    add_number(json, "committed", value(row.committed));
    add_number(json, "end", value(row.end));
    add_number(json, "lag", row.lag());
    json.key("member");
    row.member == nullptr ? json.null() : json.string(row.member->id);
    json.end_object();
  }
  json.end_array().end_object();
}

// The partitions that --topic names, or all that the group has committed.
Task<Result<std::vector<TopicPartition>>> chosen_places(Admin& admin, std::string group,
                                                        std::vector<std::string> topics) {
  std::vector<TopicPartition> places;
  for (const std::string& topic : topics) {
    CO_TRY_ASSIGN(auto parsed, parse_topic_partitions(topic));
    CO_TRY_ASSIGN(auto some, co_await partitions_of(admin, parsed.first, parsed.second));
    places.insert(places.end(), some.begin(), some.end());
  }
  if (!topics.empty()) co_return places;
  CO_TRY_ASSIGN(const Committed committed, co_await admin.committed_offsets(group));
  for (const auto& [place, offset] : committed) places.push_back(place);
  if (places.empty()) {
    co_return fail(Errc::kNotFound, "group " + group + " has committed nothing: name topics with --topic");
  }
  co_return places;
}

}  // namespace

Task<Result<int>> run_command(Context& context, GroupList) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto groups, co_await admin.list_groups());
  Table table({"GROUP", "STATE", "TYPE", "PROTOCOL"});
  Json json;
  json.begin_array();
  for (const client::GroupListing& group : groups) {
    table.add({group.id, group.state, group.type, group.protocol_type.empty() ? "-" : group.protocol_type});
    json.begin_object().key("group").string(group.id).key("state").string(group.state);
    json.key("type").string(group.type).key("protocol_type").string(group.protocol_type).end_object();
  }
  json.end_array();
  if (table.empty() && !context.wants_json()) {
    context.tell("no groups");
    co_return kExitDone;
  }
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, GroupDescribe command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  int exit_code = kExitDone;
  std::string text;
  Json json;
  json.begin_array();
  for (const std::string& name : command.groups) {
    const auto group = co_await admin.describe_group(name);
    if (!group) {
      context.tell("weir: " + group.error().message);
      exit_code = kExitFailed;
      continue;
    }
    CO_TRY_ASSIGN(const Committed committed, co_await admin.committed_offsets(name));
    std::vector<TopicPartition> places;
    for (const Row& row : rows_of(*group, committed, {})) places.push_back(row.place);
    CO_TRY_ASSIGN(const Offsets ends, co_await ends_of(admin, places));
    const auto rows = rows_of(*group, committed, ends);
    text += (text.empty() ? "" : "\n") + describe_text(*group, rows);
    describe_json(json, *group, rows);
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return exit_code;
}

Task<Result<int>> run_command(Context& context, GroupDelete command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  int exit_code = kExitDone;
  std::string text;
  Json json;
  json.begin_array();
  for (const std::string& name : command.groups) {
    const auto done = co_await admin.delete_group(name);
    if (done) {
      text += "deleted group " + name + "\n";
      json.string(name);
    } else {
      context.tell("weir: " + done.error().message);
      exit_code = kExitFailed;
    }
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return exit_code;
}

Task<Result<int>> run_command(Context& context, GroupResetOffsets command) {
  CO_TRY_ASSIGN(const PlaceSpec to, parse_place(command.to, context.wall()));
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto places, co_await chosen_places(admin, command.group, command.topics));
  CO_TRY_ASSIGN(const Committed before, co_await admin.committed_offsets(command.group));
  CO_TRY_ASSIGN(const Offsets offsets, co_await offsets_at(admin, places, to));
  if (!command.dry_run) CO_TRY(co_await admin.alter_offsets(command.group, offsets));
  Table table({"TOPIC", "PARTITION", "BEFORE", command.dry_run ? "WOULD BE" : "NOW"});
  Json json;
  json.begin_array();
  for (const auto& [place, offset] : offsets) {
    const auto old = before.find(place);
    const auto was = old == before.end() ? std::nullopt : std::optional(old->second.offset.value());
    table.add({place.topic, std::to_string(place.partition.value()), shown(was), std::to_string(offset.value())});
    json.begin_object().key("topic").string(place.topic).key("partition").number(place.partition.value());
    add_number(json, "before", was);
    json.key("offset").number(offset.value()).end_object();
  }
  json.end_array();
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, GroupDeleteOffsets command) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(const auto places, co_await chosen_places(admin, command.group, command.topics));
  CO_TRY(co_await admin.delete_offsets(command.group, places));
  Json json;
  json.begin_array();
  for (const TopicPartition& place : places) {
    json.begin_object().key("topic").string(place.topic).key("partition").number(place.partition.value()).end_object();
  }
  json.end_array();
  const std::string text = fmt::format("deleted the offsets of group {} in {}\n", command.group,
                                       counted(static_cast<int64_t>(places.size()), "partition"));
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return kExitDone;
}

}  // namespace weir::cli
