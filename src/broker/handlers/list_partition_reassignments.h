// ListPartitionReassignments: the partitions that are moving.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/list_partition_reassignments_request.h"
#include "protocol/messages/list_partition_reassignments_response.h"

namespace weir::broker {

struct ListPartitionReassignmentsHandler {
  using Request = protocol::ListPartitionReassignmentsRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::ListPartitionReassignmentsResponse& response);
};

}  // namespace weir::broker
