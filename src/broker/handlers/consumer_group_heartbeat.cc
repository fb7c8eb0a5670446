#include "broker/handlers/consumer_group_heartbeat.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> ConsumerGroupHeartbeatHandler::handle(RequestContext& context, const Request& request,
                                                    protocol::ConsumerGroupHeartbeatResponse& response) {
  if (!consumer_groups_enabled(*context.shard.image())) {
    response.error_code = error_field(protocol::ErrorCode::kUnsupportedVersion);
    co_return Outcome::kReply;
  }
  co_return co_await on_coordinator(context, request, response,
                                    [](GroupShell& shell, GroupRequestContext asker, const Request& asked) {
                                      return shell.consumer_group_heartbeat(asker, asked);
                                    });
}

}  // namespace weir::broker
