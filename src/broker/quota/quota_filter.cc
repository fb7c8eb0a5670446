#include "broker/quota/quota_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/quota/quota_key.h"

namespace weir::broker {
namespace {

std::unexpected<Error> invalid(std::string message) { return fail(Errc::kInvalidArgument, std::move(message)); }

}  // namespace

Result<> QuotaFilter::add(std::string_view type, int8_t match, std::optional<std::string_view> name) {
  if (type.empty()) return invalid("Invalid empty entity type.");
  if (components_.contains(type)) {
    return invalid(fmt::format("Entity type {} cannot appear more than once in the filter.", type));
  }
  if (type != kQuotaUser && type != kQuotaClientId && type != kQuotaIp) {
    return fail(Errc::kUnsupported, fmt::format("Unsupported entity type {}", type));
  }
  const auto kind = static_cast<Match>(match);
  if (kind != Match::kExact && kind != Match::kDefault && kind != Match::kAny) {
    return invalid(fmt::format("Unknown match type {}", static_cast<int>(match)));
  }
  if (kind == Match::kExact && !name) {
    return invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.");
  }
  if (kind != Match::kExact && name) {
    return invalid(fmt::format("Request specified MATCH_TYPE_{}, but also specified a match string.",
                               kind == Match::kDefault ? "DEFAULT" : "SPECIFIED"));
  }
  components_.emplace(type, Component{kind, std::string(name.value_or(""))});
  if (components_.contains(kQuotaIp) && components_.size() > 1) {
    return invalid(
        "Invalid entity filter component combination. IP filter component should not be used with user or clientId "
        "filter component.");
  }
  return {};
}

bool QuotaFilter::matches(const quorum::QuotaEntity& entity) const {
  if (strict_ && entity.size() != components_.size()) return false;
  return std::ranges::all_of(components_, [&](const auto& one) {
    const auto& [type, component] = one;
    const auto part = entity.find(type);
    if (part == entity.end()) return false;
    switch (component.match) {
      case Match::kExact:
        return part->second == component.name;
      case Match::kDefault:
        return !part->second.has_value();
      case Match::kAny:
        return true;
    }
    return false;
  });
}

}  // namespace weir::broker
