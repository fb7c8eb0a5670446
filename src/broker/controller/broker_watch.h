// BrokerWatch: finds out that the process of a broker has ended, sooner than its session does. A connection that broke
// is a hint; that nobody listens any more where the broker is to be found is the proof. Of a machine that is gone, or
// cannot be reached, only the session tells. Owned by ControllerShell; its loop only.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "base/loop.h"
#include "base/seams.h"
#include "base/task.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

class BrokerWatch {
 public:
  // Called when a broker that is registered with this epoch has ended.
  using EndHandler = std::function<void(NodeId, BrokerEpoch)>;

  BrokerWatch(Loop& loop, Network& network, EndHandler on_end)
      : loop_(loop), network_(network), on_end_(std::move(on_end)) {}

  // Looks whether it is there. A broker that is found to have ended and goes on all the same (its address may be one
  // that this node must not reach) is not looked at again before it registers anew.
  static void look(const std::shared_ptr<BrokerWatch>& self, const quorum::BrokerImage& broker);
  void stop() { stopped_ = true; }

 private:
  static Task<void> look_repeatedly(std::shared_ptr<BrokerWatch> self, NodeId id, BrokerEpoch epoch, Endpoint at);

  Loop& loop_;
  Network& network_;
  EndHandler on_end_;
  std::map<NodeId, BrokerEpoch> ended_;
  bool stopped_ = false;
};

}  // namespace weir::broker
