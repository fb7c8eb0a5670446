// AlterClientQuotas: passed on to the controller.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/alter_client_quotas_request.h"
#include "protocol/messages/alter_client_quotas_response.h"

namespace weir::broker {

struct AlterClientQuotasHandler {
  using Request = protocol::AlterClientQuotasRequest;
  static constexpr VersionRange kVersions{0, 1};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::AlterClientQuotasResponse& response);
};

}  // namespace weir::broker
