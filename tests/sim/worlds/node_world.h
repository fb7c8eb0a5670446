// A world of one node with its disk, and of clients that use it through the network while things go wrong. One seed
// decides on the node's settings, what the clients do, and each fault.
//
// A run is a row of rounds. In a round clients produce, read, commit, make and delete topics, while connections break,
// the disk is slow or full, and the process may die in the middle of a write. At its end the process is killed, loses
// its power or is stopped in good order, and starts again on what its disk holds. At the very end nothing is broken any
// more; what the clients wait for must come to pass, and what they were told must be there.
#pragma once

#include <memory>
#include <string>

#include "sim/history.h"
#include "sim/worlds/run.h"
#include "sim/worlds/sim_node.h"

namespace weir::sim {

class NodeClients;

class NodeWorld {
 public:
  // With a second directory, which fails in some of the rounds.
  NodeWorld(const RunOptions& options, bool has_second_directory);
  ~NodeWorld();
  RunResult run();

 private:
  // Drawn at the start.
  struct Plan {
    size_t shards;
    bool flushes_each_record;  // then even a power loss may lose nothing
    uint64_t rounds;
    bool has_second_directory;
    broker::ConfigMap settings;
  };
  enum class End : uint8_t { kKill, kPowerLoss, kStop };

  Plan draw_plan(bool has_second_directory);
  // Starts the process, as often as it dies in its start; it is up when this returns, unless the run has failed. When
  // the disk is full, it is started on it once, to whatever end, and again when there is room.
  void start_node();
  void break_second_directory();
  void mend_full_disk();
  void play_round();
  void draw_faults(Duration length);
  // Also of those that were still to come.
  void end_faults();
  void end_process(End how);
  void bury();
  void lose_unflushed();
  // Reads everything, when nobody writes.
  void verify();
  void finish();
  bool wait_for(const std::string& what, const std::function<bool()>& done);

  Simulation simulation_;
  Fabric fabric_;
  History history_;
  SimNode node_;
  Owner faults_;
  Plan plan_;
  bool clients_were_lost_ = false;
  std::unique_ptr<NodeClients> clients_;
};

RunResult run_node_world(const RunOptions& options);
RunResult run_directories_world(const RunOptions& options);

}  // namespace weir::sim
