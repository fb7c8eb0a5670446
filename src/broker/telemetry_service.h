// TelemetryService: client telemetry (KIP-714) at work on one shard: the instances whose home it is, what they have
// pushed for /metrics, and the pushes that are on their way to weir.telemetry.otlp.endpoint. Owned by its shard; its
// loop only, but for home(). See docs/operations/client-telemetry.md.
#pragma once

#include <deque>

#include "base/task.h"
#include "broker/telemetry/client_series.h"
#include "broker/telemetry/telemetry_instances.h"
#include "protocol/messages/push_telemetry_request.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

class BrokerShard;

// What a shard tells /metrics.
struct TelemetryReport {
  size_t instances = 0;
  uint64_t pushes = 0;       // accepted
  uint64_t refused = 0;      // with any error
  uint64_t sent_on = 0;      // accepted by the endpoint
  uint64_t not_sent_on = 0;  // that the endpoint did not take, or that found no room while it was slow
  uint64_t left_out = 0;     // numbers that /metrics has no room for
  std::vector<ClientSeries::Sample> samples;
};

class TelemetryService {
 public:
  // Of the whole node, as in Kafka.
  static constexpr size_t kInstancesMax = 16384;
  // What a push may grow to when it is decompressed: names repeat, so that ten times its size is much already.
  static constexpr size_t kExpansionMax = 16;
  // Pushes of a shard that wait for a slow endpoint.
  static constexpr size_t kWaitingBytesMax = size_t{16} << 20;

  explicit TelemetryService(BrokerShard& shard);

  // The one that is in charge of an instance. Any loop.
  static TelemetryService& home(BrokerShard& from, const Uuid& instance_id);
  [[nodiscard]] BrokerShard& shard() { return shard_; }

  void set_subscriptions(const quorum::MetadataImage& image);
  std::optional<TelemetrySubscription> subscribe(const ClientAttributes& client);
  // Judges a push, and takes it in when it is accepted.
  PushVerdict push(const ClientAttributes& client, const protocol::PushTelemetryRequest& request);
  TelemetryReport report();

 private:
  Result<> take(const ClientAttributes& client, const protocol::PushTelemetryRequest& request);
  void send_on(std::string metrics);
  Task<void> send_waiting();
  void expire();

  BrokerShard& shard_;
  TelemetryInstances instances_;
  ClientSeries series_;
  TelemetryReport counts_;  // only its counters
  std::deque<std::string> waiting_;
  size_t waiting_bytes_ = 0;
  bool is_sending_ = false;
};

}  // namespace weir::broker
