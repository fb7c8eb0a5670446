// CreateTopics: answered when the topics can be used.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/create_topics_request.h"
#include "protocol/messages/create_topics_response.h"

namespace weir::broker {

struct CreateTopicsHandler {
  using Request = protocol::CreateTopicsRequest;
  static constexpr VersionRange kVersions{2, 7};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::CreateTopicsResponse& response);
};

}  // namespace weir::broker
