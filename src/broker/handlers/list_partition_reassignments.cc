#include "broker/handlers/list_partition_reassignments.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> ListPartitionReassignmentsHandler::handle(RequestContext& context, const Request& request,
                                                        protocol::ListPartitionReassignmentsResponse& response) {
  return forward(context, request, response,
                 [&](protocol::ErrorCode error) { response.error_code = error_field(error); });
}

}  // namespace weir::broker
