// InitProducerId: an id for an idempotent producer.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/init_producer_id_request.h"
#include "protocol/messages/init_producer_id_response.h"

namespace weir::broker {

struct InitProducerIdHandler {
  using Request = protocol::InitProducerIdRequest;
  static constexpr VersionRange kVersions{0, 5};
  static Task<Outcome> handle(RequestContext& context, const Request& request,
                              protocol::InitProducerIdResponse& response);
};

}  // namespace weir::broker
