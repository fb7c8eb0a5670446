#include "broker/handlers/leave_group.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> LeaveGroupHandler::handle(RequestContext& context, const Request& request,
                                        protocol::LeaveGroupResponse& response) {
  return on_coordinator(context, request, response,
                        [](GroupShell& shell, GroupRequestContext asker, const Request& asked) {
                          return shell.leave_group(asker, asked);
                        });
}

}  // namespace weir::broker
