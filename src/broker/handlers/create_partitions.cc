#include "broker/handlers/create_partitions.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> CreatePartitionsHandler::handle(RequestContext& context, const Request& request,
                                              protocol::CreatePartitionsResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    for (const auto& topic : request.topics)
      response.results.push_back({.name = topic.name, .error_code = error_field(error)});
  });
}

}  // namespace weir::broker
