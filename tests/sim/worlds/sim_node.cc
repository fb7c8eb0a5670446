#include "sim/worlds/sim_node.h"

#include "quorum/format.h"

namespace weir::sim {

SimNode::SimNode(Simulation& simulation, Fabric& fabric, std::string host)
    : simulation_(simulation), machine_(simulation, fabric, std::move(host)) {}

SimNode::~SimNode() {
  node_.reset();
  if (running()) machine_.kill();
}

void SimNode::configure(broker::ConfigMap settings) {
  auto config = broker::BrokerConfig::make(std::move(settings), host());
  CHECK(config.has_value(), "{}", config.error().message);
  config_ = *std::move(config);
}

void SimNode::format() {
  const auto formatted = quorum::format_directories(machine_.disk(), simulation_.random(), machine_.clock(),
                                                    {.cluster_id = "4L6g3nShT-eMCtK--X86sw",
                                                     .node_id = config_->node_id(),
                                                     .log_dirs = config_->log_dirs(),
                                                     .metadata_log_dir = config_->metadata_log_dir(),
                                                     .is_controller = config_->is_controller(),
                                                     .has_static_voters = true});
  CHECK(formatted.has_value(), "{}", formatted.error().message);
}

Task<void> SimNode::run_start(broker::Node& node) { started_ = co_await node.start(); }

void SimNode::start(size_t shards) {
  simulation_.trace("{} starts", host());
  started_.reset();
  gave_up_.reset();
  stopping_ = stopped_ = false;
  machine_.start(shards);
  machine_.loop(0).run_inside([this] {
    node_ = std::make_shared<broker::Node>(*config_, machine_.seams(), machine_.loops(),
                                           [this](const Error& error) { gave_up_ = error.message; });
    machine_.keep(node_);
    machine_.loop(0).spawn(run_start(*node_));
  });
}

void SimNode::ask_to_stop() {
  simulation_.trace("{} is asked to stop", host());
  stopping_ = true;
  machine_.loop(0).run_inside([this] {
    machine_.loop(0).spawn([](SimNode& self, broker::Node& node) -> Task<void> {
      co_await node.stop();
      self.stopped_ = true;
    }(*this, *node_));
  });
}

void SimNode::end(Death how) {
  simulation_.trace("{} ends: {}", host(), how == Death::kPowerLoss ? "no power" : stopped_ ? "stopped" : "killed");
  node_.reset();
  gave_up_.reset();
  if (how == Death::kPowerLoss) {
    machine_.power_off();
  } else {
    machine_.kill();
  }
}

void SimNode::bury() {
  simulation_.trace("{} dies: {}", host(), machine_.death() == Death::kPowerLoss ? "no power" : "killed");
  node_.reset();
  gave_up_.reset();
  machine_.bury();
}

void SimNode::fill_disk() {
  const uint64_t room = simulation_.random().below(200'000);
  simulation_.trace("the disk of {} has {} bytes of room", host(), room);
  machine_.disk().conditions().capacity = machine_.disk().used() + room;
}

bool SimNode::is_disk_full() { return machine_.disk().conditions().capacity < DiskConditions{}.capacity; }

void SimNode::mend_disk() {
  const bool lies = machine_.disk().conditions().sync_does_nothing;
  machine_.disk().conditions() = {};
  machine_.disk().conditions().sync_does_nothing = lies;
  machine_.disk_threads().set_wait_max(milliseconds(1));
}

}  // namespace weir::sim
