// DeleteRecords: raises the log start offset.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/delete_records_request.h"
#include "protocol/messages/delete_records_response.h"

namespace weir::broker {

struct DeleteRecordsHandler {
  using Request = protocol::DeleteRecordsRequest;
  static constexpr VersionRange kVersions{0, 2};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DeleteRecordsResponse& response);
};

}  // namespace weir::broker
