// AlterReplicaLogDirs: moves replicas to other log directories of this node.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/alter_replica_log_dirs_request.h"
#include "protocol/messages/alter_replica_log_dirs_response.h"

namespace weir::broker {

struct AlterReplicaLogDirsHandler {
  using Request = protocol::AlterReplicaLogDirsRequest;
  static constexpr VersionRange kVersions{1, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::AlterReplicaLogDirsResponse& response);
};

}  // namespace weir::broker
