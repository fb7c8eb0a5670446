// A world of several nodes, each a broker and most of them voters of the quorum, and of clients that use them while
// things go wrong. One seed decides on the nodes' settings, what the clients do, and each fault. All topics have three
// replicas, two of which must be in sync.
//
// A run is a row of rounds. In a round clients produce, read, commit, make and delete topics and give partitions other
// replicas, while links are cut (both ways, one way, between some, to and fro), connections break, disks are slow or
// full, clocks jump, and processes are killed, stopped in good order, and started again.
//
// What may be lost when: half of the runs flush each record before it counts as a replica's; then any number of
// machines may lose their power at once. In the others, and when a disk is lost, what is not in memory elsewhere is
// gone: a round has one such loss, nobody is killed beside it, and it begins and ends with all replicas in sync.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sim/history.h"
#include "sim/worlds/run.h"
#include "sim/worlds/sim_node.h"

namespace weir::sim {

class NodeClients;

class ClusterWorld {
 public:
  explicit ClusterWorld(const RunOptions& options);
  ~ClusterWorld();
  RunResult run();

 private:
  // Drawn at the start.
  struct Plan {
    size_t nodes;  // the first three are voters
    bool flushes_each_record;
    uint64_t rounds;
    broker::ConfigMap settings;
  };
  struct Member {
    SimNode node;
    NodeId id;
    size_t shards;
    bool shall_run = true;  // and is started again when it has ended
    bool starts_soon = false;
    bool loses_disk = false;  // when it ends
  };

  Plan draw_plan();
  broker::ConfigMap settings_of(const Member& member) const;
  // After each step.
  void look_after(Member& member);
  void start_later(Member& member, Duration delay_max);
  void start(Member& member);
  void replace_disk(Member& member);
  Member& any_member();

  void play_round();
  using Fault = void (ClusterWorld::*)();
  // Strikes at some time of the round.
  void later(Duration length, Fault fault);
  void draw_faults(Duration length);
  void cut_links();
  void cut_link(const std::string& from, const std::string& to, bool both_ways);
  void flap(std::string a, std::string b, int times);
  void slow_disk();
  void fill_disk();
  void jump_clock();
  void reset_connection();
  void kill_member();
  void stop_member();
  void lose_one();
  // Also of those that were still to come.
  void end_faults();

  // All nodes run, and all replicas are in sync.
  bool make_whole();
  bool verify();
  void compare_replicas();
  void finish();
  bool wait_for(const std::string& what, const std::function<bool()>& done);

  Simulation simulation_;
  Fabric fabric_;
  History history_;
  Owner faults_;
  Owner starts_;
  Plan plan_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<NodeClients> clients_;
};

RunResult run_cluster_world(const RunOptions& options);

}  // namespace weir::sim
