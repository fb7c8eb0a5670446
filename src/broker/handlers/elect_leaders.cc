#include "broker/handlers/elect_leaders.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> ElectLeadersHandler::handle(RequestContext& context, const Request& request,
                                          protocol::ElectLeadersResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    // Version 0 has only errors of partitions.
    if (context.version() > 0) response.error_code = error_field(error);
    if (!request.topic_partitions) return;
    for (const auto& topic : *request.topic_partitions) {
      auto& result = response.replica_election_results.emplace_back();
      result.topic = topic.topic;
      for (int32_t index : topic.partitions)
        result.partition_result.push_back({index, error_field(error), std::nullopt});
    }
  });
}

}  // namespace weir::broker
