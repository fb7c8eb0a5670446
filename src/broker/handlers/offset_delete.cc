#include "broker/handlers/offset_delete.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> OffsetDeleteHandler::handle(RequestContext& context, const Request& request,
                                          protocol::OffsetDeleteResponse& response) {
  return on_coordinator(context, request, response,
                        [](GroupShell& shell, GroupRequestContext asker, const Request& asked) {
                          return shell.offset_delete(asker, asked);
                        });
}

}  // namespace weir::broker
