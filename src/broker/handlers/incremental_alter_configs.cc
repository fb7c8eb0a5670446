#include "broker/handlers/incremental_alter_configs.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> IncrementalAlterConfigsHandler::handle(RequestContext& context, const Request& request,
                                                     protocol::IncrementalAlterConfigsResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    for (const auto& resource : request.resources) {
      response.responses.push_back({.error_code = error_field(error),
                                    .resource_type = resource.resource_type,
                                    .resource_name = resource.resource_name});
    }
  });
}

}  // namespace weir::broker
