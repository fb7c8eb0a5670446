#include "broker/handlers/heartbeat.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> HeartbeatHandler::handle(RequestContext& context, const Request& request,
                                       protocol::HeartbeatResponse& response) {
  return on_coordinator(
      context, request, response,
      [](GroupShell& shell, GroupRequestContext asker, const Request& asked) { return shell.heartbeat(asker, asked); });
}

}  // namespace weir::broker
