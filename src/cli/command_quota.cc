// weir quota ...
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "weir/admin.h"

namespace weir::cli {
namespace {

using client::Admin;
using client::QuotaDescription;
using client::QuotaEntity;

struct Kind {
  std::string_view type;  // as Kafka's protocol calls it
  std::string QuotaOwner::* name;
  bool QuotaOwner::* is_default;
};
constexpr auto kKinds = std::to_array<Kind>({{"user", &QuotaOwner::user, &QuotaOwner::user_default},
                                             {"client-id", &QuotaOwner::client, &QuotaOwner::client_default},
                                             {"ip", &QuotaOwner::ip, &QuotaOwner::ip_default}});

// kInvalidArgument when nobody is named.
Result<QuotaEntity> entity_of(const QuotaOwner& owner) {
  QuotaEntity entity;
  for (const Kind& kind : kKinds) {
    if (!(owner.*kind.name).empty()) entity.emplace(kind.type, owner.*kind.name);
    if (owner.*kind.is_default) entity.emplace(kind.type, std::nullopt);
  }
  if (entity.empty()) return fail(Errc::kInvalidArgument, "whose quota? Name a --user, a --client, both, or an --ip");
  return entity;
}

std::string name_text(const QuotaEntity& entity, std::string_view type) {
  const auto found = entity.find(std::string(type));
  if (found == entity.end()) return "";
  return found->second.value_or("(default)");
}

std::string entity_text(const QuotaEntity& entity) {
  std::string text;
  for (const auto& [type, name] : entity)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", type, name.value_or("(default)"));
  return text;
}

void add_entity(Json& json, const QuotaEntity& entity) {
  for (const auto& [type, name] : entity) {
    json.key(type);
    name ? json.string(*name) : json.null();
  }
}

Result<double> parse_value(const std::string& key, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Errc::kInvalidArgument, fmt::format("{}={}: the value is no number", key, text));
  return value;
}

Task<Result<int>> change(Context& context, QuotaOwner owner, std::map<std::string, std::optional<double>> changes) {
  CO_TRY_ASSIGN(const QuotaEntity entity, entity_of(owner));
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY(co_await admin.alter_quotas(entity, std::move(changes)));
  Json json;
  json.begin_object();
  add_entity(json, entity);
  json.end_object();
  const std::string text = fmt::format("changed the quotas of {}\n", entity_text(entity));
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : text));
  co_return kExitDone;
}

}  // namespace

Task<Result<int>> run_command(Context& context, QuotaList) {
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  CO_TRY_ASSIGN(auto quotas, co_await admin.describe_quotas());
  std::ranges::sort(quotas, {}, &QuotaDescription::entity);
  Table table({"USER", "CLIENT", "IP", "QUOTA", "VALUE"});
  Json json;
  json.begin_array();
  for (const QuotaDescription& quota : quotas) {
    json.begin_object();
    add_entity(json, quota.entity);
    json.key("quotas").begin_object();
    for (const auto& [key, value] : quota.values) {
      table.add({name_text(quota.entity, "user"), name_text(quota.entity, "client-id"), name_text(quota.entity, "ip"),
                 key, fmt::format("{}", value)});
      json.key(key).decimal(value);
    }
    json.end_object().end_object();
  }
  json.end_array();
  if (table.empty() && !context.wants_json()) {
    context.tell("there are no quotas");
    co_return kExitDone;
  }
  CO_TRY(co_await context.print(context.wants_json() ? json.text() + "\n" : table.text()));
  co_return kExitDone;
}

Task<Result<int>> run_command(Context& context, QuotaSet command) {
  std::map<std::string, std::optional<double>> changes;
  for (const auto& [key, text] : command.quotas) {
    CO_TRY_ASSIGN(const double value, parse_value(key, text));
    changes[key] = value;
  }
  co_return co_await change(context, std::move(command.owner), std::move(changes));
}

Task<Result<int>> run_command(Context& context, QuotaUnset command) {
  std::map<std::string, std::optional<double>> changes;
  for (const std::string& key : command.quotas) changes[key] = std::nullopt;
  co_return co_await change(context, std::move(command.owner), std::move(changes));
}

}  // namespace weir::cli
