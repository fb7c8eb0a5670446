#include "broker/handlers/alter_partition_reassignments.h"

#include "broker/handlers/forward.h"

namespace weir::broker {

Task<Outcome> AlterPartitionReassignmentsHandler::handle(RequestContext& context, const Request& request,
                                                         protocol::AlterPartitionReassignmentsResponse& response) {
  return forward(context, request, response,
                 [&](protocol::ErrorCode error) { response.error_code = error_field(error); });
}

}  // namespace weir::broker
