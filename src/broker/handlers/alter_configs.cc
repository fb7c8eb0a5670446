#include "broker/handlers/alter_configs.h"

#include "broker/handlers/config_preprocessing.h"

namespace weir::broker {

Task<Outcome> AlterConfigsHandler::handle(RequestContext& context, const Request& request,
                                          protocol::AlterConfigsResponse& response) {
  return alter_configs(context, request, response, false);
}

}  // namespace weir::broker
