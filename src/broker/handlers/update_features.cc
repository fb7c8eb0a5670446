#include "broker/handlers/update_features.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> UpdateFeaturesHandler::handle(RequestContext& context, const Request& request,
                                            protocol::UpdateFeaturesResponse& response) {
  return forward(context, request, response,
                 [&](protocol::ErrorCode error) { response.error_code = error_field(error); });
}

}  // namespace weir::broker
