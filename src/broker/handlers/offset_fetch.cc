#include "broker/handlers/offset_fetch.h"

#include "broker/group/offset_fetch.h"
#include "broker/handlers/on_coordinator.h"

namespace weir::broker {

Task<Outcome> OffsetFetchHandler::handle(RequestContext& context, const Request& request,
                                         protocol::OffsetFetchResponse& response) {
  using Group = protocol::OffsetFetchRequest::OffsetFetchRequestGroup;
  using Answer = Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>;
  const GroupRequestContext asker = group_context(context);
  const std::vector<Group> groups = groups_of(request, context.version());
  std::vector<Answer> answers;
  for (const Group& group : groups) {
    answers.push_back(co_await at_coordinator<Answer>(
        context.shard, group.group_id,
        [asker, &group, stable = request.require_stable](GroupShell& shell) {
          return shell.offset_fetch(asker, group, stable);
        },
        [&](protocol::ErrorCode error) { return offset_fetch_error(group, context.version(), error); }));
  }
  auto answer = offset_fetch_response(std::move(answers), context.version());
  context.strings.adopt(std::move(answer.arena));
  response = std::move(answer.message);
  co_return Outcome::kReply;
}

}  // namespace weir::broker
