// ConnectionLimits: how many connections the broker's settings allow, as they are now: they may change at run time. A
// plain value; any thread.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/result.h"
#include "broker/config/config_layers.h"

namespace weir::broker {

struct ConnectionLimits {
  size_t open_max;                                              // max.connections
  size_t open_per_host_max;                                     // max.connections.per.ip
  std::map<std::string, size_t, std::less<>> per_host_maximum;  // max.connections.per.ip.overrides

  // kInvalidArgument when the overrides are no list of ADDRESS:COUNT.
  static Result<ConnectionLimits> of(const BrokerLayers& layers);
  [[nodiscard]] size_t per_host(std::string_view host) const;
};

}  // namespace weir::broker
