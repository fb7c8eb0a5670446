// DescribeTopicPartitions: topics page by page, with eligible leader replicas.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_topic_partitions_request.h"
#include "protocol/messages/describe_topic_partitions_response.h"

namespace weir::broker {

struct DescribeTopicPartitionsHandler {
  using Request = protocol::DescribeTopicPartitionsRequest;
  static constexpr VersionRange kVersions{0, 0};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeTopicPartitionsResponse& response);
};

}  // namespace weir::broker
