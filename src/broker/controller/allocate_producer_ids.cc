// AllocateProducerIds: blocks of ids that no other broker gives to producers.
#include "broker/controller/controller.h"

namespace weir::broker {
namespace {
constexpr int32_t kBlockSize = 1000;
}

Decision<protocol::AllocateProducerIdsResponse> Controller::decide(const protocol::AllocateProducerIdsRequest& request,
                                                                   const DecideContext&) {
  auto decision = no_change<protocol::AllocateProducerIdsResponse>();
  auto& response = decision.reply.response;
  if (current_broker(request.broker_id, request.broker_epoch) == nullptr) {
    response.error_code = protocol::error_field(protocol::ErrorCode::kStaleBrokerEpoch);
    return decision;
  }
  const int64_t first = image_.next_producer_id == kNoProducerId ? 0 : image_.next_producer_id.value();
  if (first > INT64_MAX - kBlockSize) {
    response.error_code = protocol::error_field(protocol::ErrorCode::kUnknownServerError);
    return decision;
  }
  decision.records.add(protocol::ProducerIdsRecord{
      .broker_id = request.broker_id, .broker_epoch = request.broker_epoch, .next_producer_id = first + kBlockSize});
  response.producer_id_start = first;
  response.producer_id_len = kBlockSize;
  return decision;
}

}  // namespace weir::broker
