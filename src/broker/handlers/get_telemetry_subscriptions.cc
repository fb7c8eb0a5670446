#include "broker/handlers/get_telemetry_subscriptions.h"

#include "broker/config/broker_config.h"
#include "broker/handlers/telemetry_client.h"
#include "broker/shard.h"
#include "broker/telemetry_service.h"
#include "protocol/compression.h"

namespace weir::broker {

Task<Outcome> GetTelemetrySubscriptionsHandler::handle(RequestContext& context, const Request& request,
                                                       protocol::GetTelemetrySubscriptionsResponse& response) {
  NodeContext& node = context.shard.node();
  const Uuid id = request.client_instance_id.is_zero() ? Uuid::random(node.seams.random) : request.client_instance_id;
  TelemetryService& home = TelemetryService::home(context.shard, id);
  const auto subscription =
      co_await call_on(home.shard().loop(),
                       [&home, client = telemetry_client(context, id)]() -> Task<std::optional<TelemetrySubscription>> {
                         co_return home.subscribe(client);
                       });
  if (!subscription) {
    response.error_code = error_field(protocol::ErrorCode::kThrottlingQuotaExceeded);
    co_return Outcome::kReply;
  }
  response.client_instance_id = id;
  response.subscription_id = subscription->id;
  using enum protocol::Compression;
  // The best first: clients take the first one that they know.
  for (const protocol::Compression codec : {kZstd, kLz4, kGzip, kSnappy})
    response.accepted_compression_types.push_back(static_cast<int8_t>(codec));
  response.push_interval_ms = static_cast<int32_t>(subscription->push_interval.count());
  response.telemetry_max_bytes = node.config.telemetry_max_bytes();
  response.delta_temporality = true;
  for (const std::string& metric : subscription->metrics)
    response.requested_metrics.push_back(context.strings.keep(std::string_view(metric)));
  co_return Outcome::kReply;
}

}  // namespace weir::broker
