#include "broker/handlers/delete_groups.h"

#include <set>

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> DeleteGroupsHandler::handle(RequestContext& context, const Request& request,
                                          protocol::DeleteGroupsResponse& response) {
  using protocol::ErrorCode;
  std::set<std::string_view> seen;
  for (const std::string_view group : request.groups_names) {
    if (!seen.insert(group).second) continue;
    const ErrorCode error = co_await at_coordinator<ErrorCode>(
        context.shard, group, [group](GroupShell& shell) { return shell.delete_group(group); },
        [](ErrorCode refused) { return refused; });
    response.results.push_back({group, error_field(error)});
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
