#include "broker/telemetry_service.h"

#include "base/log.h"
#include "broker/config/broker_config.h"
#include "broker/http/http_post.h"
#include "broker/shard.h"
#include "protocol/compression.h"

namespace weir::broker {
namespace {

// For the endpoint to take a push.
constexpr Duration kSendPatience = seconds(10);

bool is_known_compression(int8_t type) { return type >= 0 && type <= protocol::kCompressionMax; }

}  // namespace

TelemetryService::TelemetryService(BrokerShard& shard)
    : shard_(shard),
      // The shards are all there only when the node serves: each has room for as many as fall to it if there are two.
      instances_(kInstancesMax / 2, static_cast<size_t>(shard.node().config.telemetry_max_bytes())) {}

TelemetryService& TelemetryService::home(BrokerShard& from, const Uuid& instance_id) {
  const std::vector<BrokerShard*>& shards = from.node().shards;
  return shards[std::hash<Uuid>{}(instance_id) % shards.size()]->telemetry();
}

void TelemetryService::set_subscriptions(const quorum::MetadataImage& image) {
  std::vector<ClientMetricsSubscription> subscriptions;
  for (const auto& [resource, entries] : image.configs) {
    if (resource.type != quorum::ConfigResourceType::kClientMetrics) continue;
    auto made = ClientMetricsSubscription::make(*entries);
    if (made) {
      subscriptions.push_back(*std::move(made));
    } else {
      // Another implementation may have written it, with expressions that are understood only there.
      log_warn("telemetry", "a subscription is passed over", kv("subscription", resource.name),
               kv("why", made.error().message));
    }
  }
  instances_.set_subscriptions(std::move(subscriptions));
}

void TelemetryService::expire() {
  for (const Uuid& id : instances_.expire(shard_.loop().now())) series_.forget(id);
}

std::optional<TelemetrySubscription> TelemetryService::subscribe(const ClientAttributes& client) {
  expire();
  auto subscription = instances_.subscribe(client, shard_.loop().now());
  if (!subscription) ++counts_.refused;
  return subscription;
}

PushVerdict TelemetryService::push(const ClientAttributes& client, const protocol::PushTelemetryRequest& request) {
  expire();
  PushVerdict verdict = instances_.push(client,
                                        {.subscription_id = request.subscription_id,
                                         .is_terminating = request.terminating,
                                         .is_known_compression = is_known_compression(request.compression_type),
                                         .size_bytes = request.metrics.size()},
                                        shard_.loop().now());
  if (verdict == PushVerdict::kAccepted && !request.metrics.empty()) {
    if (const Result<> taken = take(client, request); !taken) {
      log_debug("telemetry", "a push cannot be read", kv("client", client.client_id), kv("why", taken.error().message));
      instances_.note_unreadable(client.instance_id);
      verdict = PushVerdict::kUnreadable;
    }
  }
  ++(verdict == PushVerdict::kAccepted ? counts_.pushes : counts_.refused);
  return verdict;
}

Result<> TelemetryService::take(const ClientAttributes& client, const protocol::PushTelemetryRequest& request) {
  const BrokerConfig& config = shard_.node().config;
  TRY_ASSIGN(const SharedBytes data,
             protocol::decompress(static_cast<protocol::Compression>(request.compression_type), request.metrics,
                                  kExpansionMax * static_cast<size_t>(config.telemetry_max_bytes())));
  TRY_ASSIGN(const std::vector<PushedNumber> numbers, read_pushed_numbers(data.bytes));
  series_.take(client, numbers);
  if (!config.telemetry_target()) return {};
  TRY_ASSIGN(std::string labelled, label_metrics(data.bytes, client));
  send_on(std::move(labelled));
  return {};
}

void TelemetryService::send_on(std::string metrics) {
  if (waiting_bytes_ + metrics.size() > kWaitingBytesMax) {
    ++counts_.not_sent_on;
    return;
  }
  waiting_bytes_ += metrics.size();
  waiting_.push_back(std::move(metrics));
  if (!std::exchange(is_sending_, true)) shard_.loop().spawn(send_waiting());
}

Task<void> TelemetryService::send_waiting() {
  const HttpTarget& target = *shard_.node().config.telemetry_target();
  while (!waiting_.empty()) {
    const std::string metrics = std::move(waiting_.front());
    waiting_.pop_front();
    const Result<int> status =
        co_await http_post(shard_.node().seams.network, target, "application/x-protobuf", metrics, kSendPatience);
    waiting_bytes_ -= metrics.size();
    // A push that is lost is a gap of one interval; to keep it would be to keep all behind it waiting.
    const bool is_taken = status && *status >= 200 && *status < 300;
    ++(is_taken ? counts_.sent_on : counts_.not_sent_on);
    if (is_taken) continue;
    log_warn("telemetry", "metrics of clients could not be sent on", kv("endpoint", target.endpoint),
             kv("why", status ? "status " + std::to_string(*status) : status.error().message));
  }
  is_sending_ = false;
}

TelemetryReport TelemetryService::report() {
  expire();
  TelemetryReport report = counts_;
  report.instances = instances_.size();
  report.left_out = series_.left_out();
  report.samples = series_.samples();
  return report;
}

}  // namespace weir::broker
