#include "broker/handlers/describe_groups.h"

#include "broker/handlers/on_coordinator.h"
#include "broker/handlers/topic_metadata.h"

namespace weir::broker {

Task<Outcome> DescribeGroupsHandler::handle(RequestContext& context, const Request& request,
                                            protocol::DescribeGroupsResponse& response) {
  using Answer = Owned<protocol::DescribeGroupsResponse::DescribedGroup>;
  const GroupRequestContext asker = group_context(context);
  for (const std::string_view group : request.groups) {
    Answer answer = co_await at_coordinator<Answer>(
        context.shard, group,
        [asker, group](GroupShell& shell) -> Task<Answer> { co_return shell.describe_group(asker, group); },
        [&](protocol::ErrorCode error) { return describe_error(group, error); });
    context.strings.adopt(std::move(answer.arena));
    if (request.include_authorized_operations && answer.message.error_code == 0) {
      answer.message.authorized_operations = kAllGroupOperations;
    }
    response.groups.push_back(std::move(answer.message));
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
