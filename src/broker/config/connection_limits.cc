#include "broker/config/connection_limits.h"

#include <fmt/format.h>

namespace weir::broker {
namespace {

size_t count(const BrokerLayers& layers, std::string_view name) {
  return static_cast<size_t>(parse_integer(broker_value(layers, name).value_or(""), 0, INT32_MAX).value_or(INT32_MAX));
}

}  // namespace

Result<ConnectionLimits> ConnectionLimits::of(const BrokerLayers& layers) {
  ConnectionLimits limits{.open_max = count(layers, "max.connections"),
                          .open_per_host_max = count(layers, "max.connections.per.ip"),
                          .per_host_maximum = {}};
  for (const auto& item : parse_list(broker_value(layers, "max.connections.per.ip.overrides").value_or(""))) {
    const auto colon = item.rfind(':');
    const auto number = parse_integer(
        colon == std::string::npos ? std::string_view() : std::string_view(item).substr(colon + 1), 0, INT32_MAX);
    if (!number) {
      return fail(Errc::kInvalidArgument,
                  fmt::format("max.connections.per.ip.overrides: '{}' is not of the form ADDRESS:COUNT", item));
    }
    limits.per_host_maximum.insert_or_assign(item.substr(0, colon), static_cast<size_t>(*number));
  }
  return limits;
}

size_t ConnectionLimits::per_host(std::string_view host) const {
  const auto found = per_host_maximum.find(host);
  return found == per_host_maximum.end() ? open_per_host_max : found->second;
}

}  // namespace weir::broker
