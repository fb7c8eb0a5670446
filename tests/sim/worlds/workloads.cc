#include "sim/worlds/workloads.h"

#include <array>

#include "sim/worlds/cluster_world.h"
#include "sim/worlds/compaction_world.h"
#include "sim/worlds/log_world.h"
#include "sim/worlds/node_world.h"
#include "sim/worlds/quorum_world.h"

namespace weir::sim {

std::span<const Workload> all_workloads() {
  static constexpr std::array kAll{Workload{"log", run_log_world},       Workload{"compaction", run_compaction_world},
                                   Workload{"node", run_node_world},     Workload{"directories", run_directories_world},
                                   Workload{"quorum", run_quorum_world}, Workload{"cluster", run_cluster_world}};
  return kAll;
}

}  // namespace weir::sim
