// What the handlers of client telemetry know of the client that asks.
#pragma once

#include <string>

#include "broker/server/request_context.h"
#include "broker/telemetry/subscription.h"

namespace weir::broker {

inline ClientAttributes telemetry_client(const RequestContext& context, const Uuid& instance_id) {
  const ConnectionInfo& connection = context.connection;
  return {.instance_id = instance_id,
          .client_id = std::string(context.client_id()),
          .software_name = connection.client_software_name,
          .software_version = connection.client_software_version,
          .source_address = connection.client.host,
          .source_port = std::to_string(connection.client.port)};
}

}  // namespace weir::broker
