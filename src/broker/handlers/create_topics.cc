#include "broker/handlers/create_topics.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> CreateTopicsHandler::handle(RequestContext& context, const Request& request,
                                          protocol::CreateTopicsResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    for (const auto& topic : request.topics)
      response.topics.push_back({.name = topic.name, .error_code = error_field(error)});
  });
}

}  // namespace weir::broker
