// BrokerLifecycle: keeps this broker registered with the controller: registration, heartbeats, controlled shutdown.
// Lives on the first loop.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/seams.h"
#include "base/sync.h"
#include "base/uuid.h"
#include "broker/config/broker_config.h"
#include "broker/controller_client.h"
#include "broker/metadata_applier.h"
#include "broker/node_context.h"
#include "quorum/metadata_version.h"

namespace weir::broker {

// Where a listener is to be found by others.
struct AdvertisedListener {
  std::string name;
  Endpoint endpoint;
  int16_t security_protocol;  // 0 PLAINTEXT
};

// What the registrations of brokers and of controllers say alike: where this node is found, and which features it
// knows.
template <class Registration>
void describe_node(const std::vector<AdvertisedListener>& listeners, Registration& request) {
  for (const AdvertisedListener& listener : listeners) {
    request.listeners.push_back(
        {listener.name, listener.endpoint.host, listener.endpoint.port, listener.security_protocol});
  }
  const auto metadata_levels = *quorum::supported_levels(quorum::kMetadataVersionFeature);
  request.features.push_back({quorum::kMetadataVersionFeature, metadata_levels.min, metadata_levels.max});
  for (const quorum::Feature& feature : quorum::features()) {
    request.features.push_back({feature.name, feature.supported.min, feature.supported.max});
  }
}

class BrokerLifecycle {
 public:
  using FailureHandler = std::function<void(const Error&)>;

  // `on_failure` is called when the controller cannot be told for log.dir.failure.timeout.ms that a directory failed.
  BrokerLifecycle(NodeContext& node, ControllerClient& controller, MetadataApplier& applier, FailureHandler on_failure)
      : node_(node), controller_(controller), applier_(applier), on_failure_(std::move(on_failure)) {}

  // Registers and returns when the controller has unfenced this broker: it may lead from then on. Waits for a
  // controller, and for the session of another broker with this id to end, for
  // initial.broker.registration.timeout.ms. Errors are final: it is alive, another cluster, features that this node
  // lacks.
  Task<Result<>> start(std::vector<AdvertisedListener> listeners);
  // A directory has failed, or others are cordoned: the controller is told at once.
  void directories_changed();
  // Asks to be let go, and returns when the controller has moved the leadership away, or at the deadline.
  Task<void> shut_down(MonotonicTime deadline);
  [[nodiscard]] BrokerEpoch epoch() const { return epoch_; }

 private:
  Task<Result<>> register_broker(MonotonicTime deadline);
  // One heartbeat; what the controller says.
  Task<Result<protocol::BrokerHeartbeatResponse>> heartbeat(bool want_shut_down, MonotonicTime deadline);
  // Of one that begins now. Later there is more to say, and another controller to say it to.
  [[nodiscard]] MonotonicTime session_end() const;
  Task<void> keep_alive();
  // Another broker that shuts down may go when all others know that it has nothing to lead any more: they say so at
  // once, not with their next heartbeat.
  Task<void> report_shutdowns();
  // Ends the node when a failed directory can be kept from the controller no longer.
  void check_told(const Result<protocol::BrokerHeartbeatResponse>& answer, MonotonicTime sent);

  NodeContext& node_;
  ControllerClient& controller_;
  MetadataApplier& applier_;
  std::vector<AdvertisedListener> listeners_;
  FailureHandler on_failure_;
  std::vector<Uuid> directories_;              // as this broker was registered with
  std::optional<MonotonicTime> untold_since_;  // a directory failed, and the controller has not been told
  WaitList next_heartbeat_;
  Uuid incarnation_;
  BrokerEpoch epoch_{-1};
  bool stopping_ = false;
};

}  // namespace weir::broker
