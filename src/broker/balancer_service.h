// BalancerService: carries out what the Balancer decides while this node is the active controller. It asks the brokers
// for the sizes of their logs, has the plan made on a disk thread (it may take long), and makes the changes by the
// requests that an operator would use. Lives on the controller's loop.
#pragma once

#include <memory>
#include <optional>

#include "base/sync.h"
#include "broker/controller/balancer.h"
#include "broker/controller/controller_shell.h"
#include "broker/node_context.h"
#include "broker/peer_channel.h"
#include "quorum/metadata_loader.h"

namespace weir::broker {

class BalancerService final : public quorum::MetadataSubscriber {
 public:
  // Both outlive the service.
  BalancerService(NodeContext& node, ControllerShell& shell);

  // To be spawned; until stop().
  Task<void> run();
  void stop();
  void on_metadata(const quorum::MetadataUpdate& update) override;
  // None while another controller is the active one.
  [[nodiscard]] std::optional<BalancerReport> report() const;

 private:
  [[nodiscard]] BalancerSettings settings() const;
  Task<void> look();
  Task<void> plan(BalancerSettings settings);
  // False when a broker that is active does not tell.
  Task<bool> measure();
  Task<Result<BrokerLogs>> ask(Endpoint at);
  Task<void> act(BalancerActions actions);
  Task<void> set_throttles(const std::vector<ThrottleEdit>& edits);
  Task<void> reassign(const std::vector<Reassignment>& reassignments);
  Task<void> elect(const std::vector<storage::TopicPartition>& partitions);

  NodeContext& node_;
  ControllerShell& shell_;
  PeerChannel brokers_;
  Balancer balancer_;
  ClusterLoads loads_;
  std::optional<MonotonicTime> measured_;
  WaitList woken_;
  bool stopping_ = false;
};

}  // namespace weir::broker
