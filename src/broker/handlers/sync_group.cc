#include "broker/handlers/sync_group.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> SyncGroupHandler::handle(RequestContext& context, const Request& request,
                                       protocol::SyncGroupResponse& response) {
  return on_coordinator(context, request, response,
                        [](GroupShell& shell, GroupRequestContext asker, const Request& asked) {
                          return shell.sync_group(asker, asked);
                        });
}

}  // namespace weir::broker
