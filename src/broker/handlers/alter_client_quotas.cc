#include "broker/handlers/alter_client_quotas.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> AlterClientQuotasHandler::handle(RequestContext& context, const Request& request,
                                               protocol::AlterClientQuotasResponse& response) {
  return forward(context, request, response, [&](protocol::ErrorCode error) {
    for (const auto& entry : request.entries) {
      auto& result = response.entries.emplace_back();
      result.error_code = error_field(error);
      result.error_message.reset();
      for (const auto& part : entry.entity) result.entity.push_back({part.entity_type, part.entity_name});
    }
  });
}

}  // namespace weir::broker
