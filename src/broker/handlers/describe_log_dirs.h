// DescribeLogDirs: the log directories of this node, and the logs and copies of logs in them.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_log_dirs_request.h"
#include "protocol/messages/describe_log_dirs_response.h"

namespace weir::broker {

struct DescribeLogDirsHandler {
  using Request = protocol::DescribeLogDirsRequest;
  static constexpr VersionRange kVersions{1, 5};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeLogDirsResponse& response);
};

}  // namespace weir::broker
