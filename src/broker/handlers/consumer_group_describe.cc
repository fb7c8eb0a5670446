#include "broker/handlers/consumer_group_describe.h"

#include "broker/handlers/on_coordinator.h"
#include "broker/handlers/topic_metadata.h"

namespace weir::broker {

Task<Outcome> ConsumerGroupDescribeHandler::handle(RequestContext& context, const Request& request,
                                                   protocol::ConsumerGroupDescribeResponse& response) {
  using protocol::ErrorCode;
  using Answer = Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup>;
  const bool enabled = consumer_groups_enabled(*context.shard.image());
  for (const std::string_view group : request.group_ids) {
    Answer answer;
    if (!enabled) {
      answer = describe_consumer_error(group, ErrorCode::kUnsupportedVersion);
    } else if (group.empty()) {
      answer = describe_consumer_error(group, ErrorCode::kInvalidGroupId);
    } else {
      answer = co_await at_coordinator<Answer>(
          context.shard, group,
          [group](GroupShell& shell) -> Task<Answer> { co_return shell.describe_consumer_group(group); },
          [&](ErrorCode error) { return describe_consumer_error(group, error); });
    }
    context.strings.adopt(std::move(answer.arena));
    if (request.include_authorized_operations && answer.message.error_code == 0)
      answer.message.authorized_operations = kAllGroupOperations;
    response.groups.push_back(std::move(answer.message));
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
