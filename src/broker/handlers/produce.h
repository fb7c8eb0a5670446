// Produce: appends record batches. Advertised from 0, as Kafka does: librdkafka picks features by it.
#pragma once

#include "broker/server/api_handler.h"
#include "protocol/messages/produce_request.h"
#include "protocol/messages/produce_response.h"

namespace weir::broker {

struct ProduceHandler {
  using Request = protocol::ProduceRequest;
  static constexpr VersionRange kVersions{3, 13, 0};
  static constexpr bool kOverlaps = true;  // so that the appends of several requests share one flush
  static Task<Outcome> handle(RequestContext& context, const Request& request, protocol::ProduceResponse& response);
};

}  // namespace weir::broker
