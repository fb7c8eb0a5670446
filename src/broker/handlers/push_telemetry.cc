#include "broker/handlers/push_telemetry.h"

#include "broker/handlers/telemetry_client.h"
#include "broker/shard.h"
#include "broker/telemetry_service.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;

// Ids up to here are Kafka's own, and no client has one.
constexpr uint64_t kReservedIdMax = 100;

ErrorCode error_of(PushVerdict verdict) {
  switch (verdict) {
    case PushVerdict::kAccepted:
      return ErrorCode::kNone;
    case PushVerdict::kInvalid:
      return ErrorCode::kInvalidRequest;
    case PushVerdict::kTooEarly:
      return ErrorCode::kThrottlingQuotaExceeded;
    case PushVerdict::kUnknownSubscription:
      return ErrorCode::kUnknownSubscriptionId;
    case PushVerdict::kUnknownCompression:
      return ErrorCode::kUnsupportedCompressionType;
    case PushVerdict::kTooLarge:
      return ErrorCode::kTelemetryTooLarge;
    case PushVerdict::kUnreadable:
      return ErrorCode::kInvalidRecord;
  }
  return ErrorCode::kUnknownServerError;
}

}  // namespace

Task<Outcome> PushTelemetryHandler::handle(RequestContext& context, const Request& request,
                                           protocol::PushTelemetryResponse& response) {
  const Uuid id = request.client_instance_id;
  if (id.high() == 0 && id.low() <= kReservedIdMax) {
    response.error_code = error_field(ErrorCode::kInvalidRequest);
    co_return Outcome::kReply;
  }
  TelemetryService& home = TelemetryService::home(context.shard, id);
  const PushVerdict verdict =
      co_await call_on(home.shard().loop(),
                       [&home, &request, client = telemetry_client(context, id),
                        bytes = context.frame_owner]() -> Task<PushVerdict> { co_return home.push(client, request); });
  response.error_code = error_field(error_of(verdict));
  co_return Outcome::kReply;
}

}  // namespace weir::broker
