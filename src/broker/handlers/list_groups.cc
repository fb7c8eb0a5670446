#include "broker/handlers/list_groups.h"

#include "broker/handlers/on_coordinator.h"

namespace weir::broker {
namespace {

using protocol::ListGroupsRequest;
using protocol::ListGroupsResponse;

Task<Owned<ListGroupsResponse>> list_on_shard(BrokerShard& shard, const ListGroupsRequest& request) {
  Owned<ListGroupsResponse> all;
  shard.groups().for_each([&](GroupShell& shell) {
    Owned<ListGroupsResponse> part = shell.list_groups(request);
    if (part.message.error_code != 0) all.message.error_code = part.message.error_code;
    for (auto& group : part.message.groups) all.message.groups.push_back(group);
    all.arena.adopt(std::move(part.arena));
  });
  co_return all;
}

}  // namespace

Task<Outcome> ListGroupsHandler::handle(RequestContext& context, const Request& request, ListGroupsResponse& response) {
  for (BrokerShard* shard : context.shard.node().shards) {
    auto part = co_await call_on(shard->loop(), [shard, &request] { return list_on_shard(*shard, request); });
    context.strings.adopt(std::move(part.arena));
    if (part.message.error_code != 0) response.error_code = part.message.error_code;
    for (auto& group : part.message.groups) response.groups.push_back(group);
  }
  // While some partitions load the list is not whole: Kafka says so instead of giving a part.
  if (response.error_code != 0) response.groups.clear();
  co_return Outcome::kReply;
}

}  // namespace weir::broker
