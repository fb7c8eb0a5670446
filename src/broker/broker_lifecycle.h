// BrokerLifecycle: keeps this broker registered with the controller: registration, heartbeats, controlled shutdown.
// Lives on the first loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/seams.h"
#include "base/uuid.h"
#include "broker/config/broker_config.h"
#include "broker/controller/controller_shell.h"
#include "broker/metadata_applier.h"
#include "broker/node_context.h"

namespace weir::broker {

// Where a listener is to be found by others.
struct AdvertisedListener {
  std::string name;
  Endpoint endpoint;
  int16_t security_protocol;  // 0 PLAINTEXT
};

class BrokerLifecycle {
 public:
  BrokerLifecycle(NodeContext& node, ControllerShell& controller, MetadataApplier& applier)
      : node_(node), controller_(controller), applier_(applier) {}

  // Registers and returns when the controller has unfenced this broker: it may lead from then on. Errors are final:
  // another broker with this id is alive, another cluster, features that this node lacks.
  Task<Result<>> start(std::vector<AdvertisedListener> listeners, std::vector<Uuid> directories,
                       BrokerEpoch previous_epoch);
  // Asks to be let go, and returns when the controller has moved the leadership away, or at the deadline.
  Task<void> shut_down(MonotonicTime deadline);
  [[nodiscard]] BrokerEpoch epoch() const { return epoch_; }

 private:
  Task<Result<>> register_broker();
  // One heartbeat; what the controller says.
  Task<Result<protocol::BrokerHeartbeatResponse>> heartbeat(bool want_shut_down);
  Task<void> keep_alive();

  NodeContext& node_;
  ControllerShell& controller_;
  MetadataApplier& applier_;
  std::vector<AdvertisedListener> listeners_;
  std::vector<Uuid> directories_;
  BrokerEpoch previous_epoch_{-1};
  Uuid incarnation_;
  BrokerEpoch epoch_{-1};
  bool stopping_ = false;
};

}  // namespace weir::broker
