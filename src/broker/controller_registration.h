// ControllerRegistration: keeps this controller registered with the active one, wherever that is, so that the cluster
// knows at which addresses its controllers are and which features they support. It looks at what the metadata log says
// of this node, and asks again where that is not this process. Lives on the first loop; registers nothing while the
// cluster's metadata.version knows no controllers' registrations.
#pragma once

#include <memory>
#include <vector>

#include "base/sync.h"
#include "base/uuid.h"
#include "broker/broker_lifecycle.h"
#include "broker/controller_client.h"
#include "broker/node_context.h"
#include "quorum/metadata_loader.h"

namespace weir::broker {

class ControllerRegistration final : public quorum::MetadataSubscriber {
 public:
  // `listeners` are the controller's, as others find them. All that is handed in outlives the registration.
  ControllerRegistration(NodeContext& node, ControllerClient& controller, std::vector<AdvertisedListener> listeners);

  // Registers, and again whenever the metadata say otherwise, until stop(). To be spawned.
  Task<void> run();
  void stop();
  void on_metadata(const quorum::MetadataUpdate& update) override;

 private:
  // Whether there is something to tell the active controller.
  [[nodiscard]] bool is_due() const;
  Task<void> register_once();

  NodeContext& node_;
  ControllerClient& controller_;
  std::vector<AdvertisedListener> listeners_;
  Uuid incarnation_;
  std::shared_ptr<const quorum::MetadataImage> image_;
  WaitList changed_;
  bool stopping_ = false;
};

}  // namespace weir::broker
