// DeleteTopics: by name or by id.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/delete_topics_request.h"
#include "protocol/messages/delete_topics_response.h"

namespace weir::broker {

struct DeleteTopicsHandler {
  using Request = protocol::DeleteTopicsRequest;
  static constexpr VersionRange kVersions{1, 6};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::DeleteTopicsResponse& response);
};

}  // namespace weir::broker
