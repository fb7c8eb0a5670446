#include "broker/handlers/delete_topics.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> DeleteTopicsHandler::handle(RequestContext& context, const Request& request,
                                          protocol::DeleteTopicsResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    for (const auto& topic : request.topics) {
      response.responses.push_back({.name = topic.name, .topic_id = topic.topic_id, .error_code = error_field(error)});
    }
    for (const std::string_view name : request.topic_names)
      response.responses.push_back({.name = name, .error_code = error_field(error)});
  });
}

}  // namespace weir::broker
