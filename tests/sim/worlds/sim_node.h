// SimNode: one weir node of a simulated world: its machine, and the process on it, which starts, dies, and is started
// again on what its disk holds. The world decides when, and looks after every step of the simulation whether the
// process has died or given up.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "broker/config/broker_config.h"
#include "broker/node.h"
#include "sim/machine.h"

namespace weir::sim {

class SimNode {
 public:
  SimNode(Simulation& simulation, Fabric& fabric, std::string host);
  SimNode(const SimNode&) = delete;
  SimNode& operator=(const SimNode&) = delete;
  ~SimNode();

  // Before the first start. The quorum's voters are in the settings.
  void configure(broker::ConfigMap settings);
  // Its directories on an empty disk.
  void format();

  Machine& machine() { return machine_; }
  [[nodiscard]] const std::string& host() const { return machine_.host(); }
  [[nodiscard]] const broker::BrokerConfig& config() const { return *config_; }

  // A process begins its start, with this many loops.
  void start(size_t shards);
  [[nodiscard]] bool running() const { return machine_.running(); }
  // What became of the start, of a process that runs; nothing while it is under way.
  [[nodiscard]] const std::optional<Result<>>& started() const { return started_; }
  [[nodiscard]] bool is_up() const { return running() && started_ && *started_ && !stopping_; }

  // In good order, when it is up: stopped() says when the process has nothing to do any more, and may be ended.
  void ask_to_stop();
  [[nodiscard]] bool stopped() const { return stopped_; }
  // At once.
  void end(Death how);
  // After it died in the middle of a step.
  void bury();
  // Why the process said, since the last call, that it cannot go on.
  std::optional<std::string> take_reason_to_give_up() { return std::exchange(gave_up_, std::nullopt); }

  void fill_disk();
  void make_room() { machine_.disk().conditions().capacity = DiskConditions{}.capacity; }
  [[nodiscard]] bool is_disk_full();
  // Every fault of the disk and its threads ends; a lying device goes on to lie.
  void mend_disk();

 private:
  Task<void> run_start(broker::Node& node);

  Simulation& simulation_;
  Machine machine_;
  std::optional<broker::BrokerConfig> config_;
  std::shared_ptr<broker::Node> node_;
  std::optional<Result<>> started_;
  std::optional<std::string> gave_up_;
  bool stopping_ = false;
  bool stopped_ = false;
};

}  // namespace weir::sim
