#include "broker/handlers/init_producer_id.h"

#include "broker/shard.h"

namespace weir::broker {

using protocol::ErrorCode;

Task<Outcome> InitProducerIdHandler::handle(RequestContext& context, const Request& request,
                                            protocol::InitProducerIdResponse& response) {
  response.producer_epoch = kNoProducerEpoch.value();
  if (request.transactional_id) {
    // An empty id is an error of the client; any other needs a transaction coordinator, which this node does not have.
    response.error_code =
        error_field(request.transactional_id->empty() ? ErrorCode::kInvalidRequest : ErrorCode::kUnsupportedVersion);
    co_return Outcome::kReply;
  }
  const Result<ProducerId> id = co_await context.shard.next_producer_id();
  if (!id) {
    response.error_code = error_field(ErrorCode::kCoordinatorLoadInProgress);
    co_return Outcome::kReply;
  }
  response.producer_id = id->value();
  response.producer_epoch = 0;
  co_return Outcome::kReply;
}

}  // namespace weir::broker
