#include "broker/handlers/offset_commit.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> OffsetCommitHandler::handle(RequestContext& context, const Request& request,
                                          protocol::OffsetCommitResponse& response) {
  return on_coordinator(context, request, response,
                        [](GroupShell& shell, GroupRequestContext asker, const Request& asked) {
                          return shell.offset_commit(asker, asked);
                        });
}

}  // namespace weir::broker
