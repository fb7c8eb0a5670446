#include "broker/handlers/incremental_alter_configs.h"

#include "broker/handlers/config_preprocessing.h"

namespace weir::broker {

Task<Outcome> IncrementalAlterConfigsHandler::handle(RequestContext& context, const Request& request,
                                                     protocol::IncrementalAlterConfigsResponse& response) {
  return alter_configs(context, request, response, true);
}

}  // namespace weir::broker
