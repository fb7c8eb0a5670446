// Node: a whole weir node, broker and controller, over the seams. Real processes (run_node.h) and the simulator make it
// alike. Made and destroyed while its loops do not run; start() and stop() run on the first loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/seams.h"
#include "broker/config/broker_config.h"
#include "broker/node_context.h"

namespace weir::broker {

class Node {
 public:
  // Called on the first loop when the node cannot go on (its metadata log failed): it must be ended, without stop().
  using FailureHandler = std::function<void(const Error&)>;

  // `loops`: one for each shard. Config, seams and loops outlive the node.
  Node(const BrokerConfig& config, Seams seams, std::vector<Loop*> loops, FailureHandler on_failure);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  // Binds the ports, opens the data, joins the quorum, registers the broker, and listens. When it returns clients are
  // served. Errors name what is wrong and are final: the node must be stopped and destroyed. `make_data` runs before
  // the data are opened, on a disk thread: only a node that has its ports may make any.
  using MakeData = std::function<Result<>()>;
  Task<Result<>> start(MakeData make_data = nullptr);
  // Ends a start() that waits for other nodes; it fails then.
  void abandon_start();
  // Controlled shutdown: connections are closed, leadership is handed over, logs are flushed and marked clean.
  Task<void> stop();

  // Where a listener listens, with the port that was chosen.
  [[nodiscard]] Endpoint address(std::string_view listener) const;
  // Where clients find this node.
  [[nodiscard]] Endpoint client_address() const;
  [[nodiscard]] NodeId id() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::broker
