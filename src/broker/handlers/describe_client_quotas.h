// DescribeClientQuotas: the limits that are set, for the entities that a filter matches.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/describe_client_quotas_request.h"
#include "protocol/messages/describe_client_quotas_response.h"

namespace weir::broker {

struct DescribeClientQuotasHandler {
  using Request = protocol::DescribeClientQuotasRequest;
  static constexpr VersionRange kVersions{0, 1};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DescribeClientQuotasResponse& response);
};

}  // namespace weir::broker
