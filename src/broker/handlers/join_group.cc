#include "broker/handlers/join_group.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> JoinGroupHandler::handle(RequestContext& context, const Request& request,
                                       protocol::JoinGroupResponse& response) {
  return on_coordinator(context, request, response,
                        [](GroupShell& shell, GroupRequestContext asker, const Request& asked) {
                          return shell.join_group(asker, asked);
                        });
}

}  // namespace weir::broker
