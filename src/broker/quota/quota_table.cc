#include "broker/quota/quota_table.h"

namespace weir::broker {
namespace {

// Nothing for a type that the entity does not have; of its own, nothing for the type's default entity.
std::optional<std::optional<std::string>> part_of(const quorum::QuotaEntity& entity, std::string_view type) {
  const auto part = entity.find(type);
  if (part == entity.end()) return std::nullopt;
  return part->second;
}

}  // namespace

std::optional<double> QuotaTable::Named::own(std::string_view name) const {
  const auto found = by_name.find(name);
  if (found == by_name.end()) return std::nullopt;
  return found->second;
}

QuotaTable::QuotaTable(const quorum::MetadataImage& image) {
  for (const auto& [entity, values] : image.client_quotas) {
    for (const auto& [name, bound] : values) {
      // Another implementation may have written others.
      if (const auto kind = find_quota(name); kind && bound > 0) add(entity, *kind, bound);
    }
  }
}

void QuotaTable::add(const quorum::QuotaEntity& entity, QuotaKind kind, double bound) {
  OfKind& all = kinds_[static_cast<size_t>(kind)];
  const auto set = [&](Named& named, const std::optional<std::string>& name) {
    all.is_empty = false;
    if (name) {
      named.by_name[*name] = bound;
    } else {
      named.others = bound;
    }
  };
  const auto user = part_of(entity, kind == QuotaKind::kConnection ? kQuotaIp : kQuotaUser);
  const auto client = part_of(entity, kQuotaClientId);
  if (user && client) {
    set(*user ? all.clients_of_user[**user] : all.clients_of_any_user, *client);
  } else if (user) {
    set(all.users, *user);
  } else if (client) {
    set(all.clients, *client);
  }
}

std::optional<QuotaLimit> QuotaTable::find(QuotaKind kind, std::string_view user, std::string_view client_id) const {
  const OfKind& all = of(kind);
  if (all.is_empty) return std::nullopt;
  const auto limit = [&](double bound, std::string_view whose_user, std::string_view whose_client) {
    return QuotaLimit{bound, {kind, std::string(whose_user), std::string(whose_client)}};
  };
  const bool has_id = !client_id.empty();
  const auto own = all.clients_of_user.find(user);
  if (has_id && own != all.clients_of_user.end()) {
    if (const auto bound = own->second.own(client_id)) return limit(*bound, user, client_id);
    if (own->second.others) return limit(*own->second.others, user, client_id);
  }
  if (const auto bound = all.users.own(user)) return limit(*bound, user, "");
  if (has_id) {
    if (const auto bound = all.clients_of_any_user.own(client_id)) return limit(*bound, user, client_id);
    if (all.clients_of_any_user.others) return limit(*all.clients_of_any_user.others, user, client_id);
  }
  if (all.users.others) return limit(*all.users.others, user, "");
  if (!has_id) return std::nullopt;
  if (const auto bound = all.clients.own(client_id)) return limit(*bound, "", client_id);
  if (all.clients.others) return limit(*all.clients.others, "", client_id);
  return std::nullopt;
}

std::optional<QuotaLimit> QuotaTable::find_address(std::string_view address) const {
  const Named& addresses = of(QuotaKind::kConnection).users;
  const std::optional<double> own = addresses.own(address);
  const std::optional<double> bound = own ? own : addresses.others;
  if (!bound) return std::nullopt;
  return QuotaLimit{*bound, {QuotaKind::kConnection, std::string(address), ""}};
}

}  // namespace weir::broker
