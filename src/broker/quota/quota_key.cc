#include "broker/quota/quota_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"

namespace weir::broker {
namespace {

struct Row {
  QuotaKind kind;
  std::string_view name;
  std::string_view label;
  // Largest value of a whole number; 0 where fractions are allowed.
  double whole_max;
  std::string_view whole_type;
};

constexpr double kIntMax = std::numeric_limits<int32_t>::max();
constexpr auto kLongMax = static_cast<double>(std::numeric_limits<int64_t>::max());

// By QuotaKind.
constexpr std::array<Row, kQuotaKinds> kRows = {
    Row{QuotaKind::kProduce, "producer_byte_rate", "produce", kLongMax, "a LONG"},
    Row{QuotaKind::kFetch, "consumer_byte_rate", "fetch", kLongMax, "a LONG"},
    Row{QuotaKind::kRequest, "request_percentage", "request", 0, ""},
    Row{QuotaKind::kControllerMutation, "controller_mutation_rate", "controller_mutation", 0, ""},
    Row{QuotaKind::kConnection, "connection_creation_rate", "connection", kIntMax, "an INT"}};

const Row& row_of(QuotaKind kind) {
  const Row& row = kRows.at(static_cast<size_t>(kind));
  CHECK(row.kind == kind);
  return row;
}

// A part of a whole number that is only an error of the floating point.
constexpr double kFractionMax = 1e-6;

std::unexpected<Error> invalid(std::string message) { return fail(Errc::kInvalidArgument, std::move(message)); }

bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (part == 3)) return false;
    const std::string_view number = text.substr(0, dot);
    unsigned value = 256;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || value > 255) return false;
    text.remove_prefix(part == 3 ? text.size() : dot + 1);
  }
  return true;
}

// Groups of hexadecimal digits, "::" at most once, and an IPv4 address at the end perhaps.
bool is_ipv6(std::string_view text) {
  text = text.substr(0, text.find('%'));  // without its zone
  int groups = 0;
  bool gap = text.starts_with("::");
  if (gap) text.remove_prefix(2);
  while (!text.empty()) {
    const std::string_view group = text.substr(0, text.find(':'));
    if (group.size() == text.size() && is_ipv4(group)) {
      groups += 2;
      break;
    }
    unsigned value = 0;
    const auto [end, error] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (error != std::errc() || end != group.data() + group.size() || group.size() > 4) return false;
    ++groups;
    text.remove_prefix(group.size());
    if (text.empty()) break;
    if (text == ":") return false;
    if (text.starts_with("::")) {
      if (std::exchange(gap, true)) return false;
      text.remove_prefix(1);
    }
    text.remove_prefix(1);
  }
  return gap ? groups < 8 : groups == 8;
}

}  // namespace

std::string_view quota_name(QuotaKind kind) { return row_of(kind).name; }
std::string_view quota_label(QuotaKind kind) { return row_of(kind).label; }

std::optional<QuotaKind> find_quota(std::string_view name) {
  const auto row = std::ranges::find(kRows, name, &Row::name);
  if (row == kRows.end()) return std::nullopt;
  return row->kind;
}

Result<> check_quota_entity(const quorum::QuotaEntity& entity) {
  if (entity.empty()) return invalid("Invalid empty client quota entity");
  for (const auto& [type, name] : entity) {
    if (type != kQuotaUser && type != kQuotaClientId && type != kQuotaIp) {
      return invalid(fmt::format("Unhandled client quota entity type: {}", type));
    }
    if (name && name->empty()) return invalid(fmt::format("Empty {} not supported", type));
  }
  const auto ip = entity.find(kQuotaIp);
  if (ip == entity.end()) return {};
  if (entity.size() > 1) {
    return invalid("Invalid quota entity combination, IP entity should not be combined with User or ClientId");
  }
  // Kafka takes names that it can resolve as well: a name may stand for another address on each broker, or for none.
  if (ip->second && !is_ipv4(*ip->second) && !is_ipv6(*ip->second)) {
    return invalid(fmt::format("{} is not a valid IP address.", *ip->second));
  }
  return {};
}

Result<> check_quota_value(const quorum::QuotaEntity& entity, std::string_view name, double value) {
  const auto kind = find_quota(name);
  if (!kind || (*kind == QuotaKind::kConnection) != entity.contains(kQuotaIp)) {
    return invalid(fmt::format("Invalid configuration key {}", name));
  }
  // Also not a number.
  if (!(value > 0)) return invalid(fmt::format("Quota {} must be greater than 0", name));
  const Row& row = row_of(*kind);
  if (row.whole_max == 0) return {};
  if (value > row.whole_max) {
    return invalid(fmt::format("Proposed value for {} is too large for {}.", name, row.whole_type));
  }
  if (std::fmod(value, 1.0) > kFractionMax) return invalid(fmt::format("{} cannot be a fractional value.", name));
  return {};
}

}  // namespace weir::broker
