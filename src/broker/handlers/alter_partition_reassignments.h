// AlterPartitionReassignments: moves partitions to other brokers, or stops that.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/alter_partition_reassignments_request.h"
#include "protocol/messages/alter_partition_reassignments_response.h"

namespace weir::broker {

struct AlterPartitionReassignmentsHandler {
  using Request = protocol::AlterPartitionReassignmentsRequest;
  static constexpr VersionRange kVersions{0, 1};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::AlterPartitionReassignmentsResponse& response);
};

}  // namespace weir::broker
