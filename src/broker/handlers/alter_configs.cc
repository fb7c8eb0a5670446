#include "broker/handlers/alter_configs.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> AlterConfigsHandler::handle(RequestContext& context, const Request& request,
                                          protocol::AlterConfigsResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    for (const auto& resource : request.resources) {
      response.responses.push_back({.error_code = error_field(error),
                                    .resource_type = resource.resource_type,
                                    .resource_name = resource.resource_name});
    }
  });
}

}  // namespace weir::broker
