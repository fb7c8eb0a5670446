// SimDiskThreads: the disk threads of one machine. Each work runs whole at some later time; several are under way at
// once, so they run in any order.
#pragma once

#include "base/seams.h"
#include "sim/simulation.h"

namespace weir::sim {

class SimDiskThreads final : public DiskThreads {
 public:
  SimDiskThreads(Simulation& simulation, Owner owner) : simulation_(simulation), owner_(owner) {}
  void submit(Work work, DiskWork kind) override;

  // How long a work waits for a thread at most.
  void set_wait_max(Duration wait) { wait_max_ = wait; }

 private:
  Simulation& simulation_;
  Owner owner_;
  Duration wait_max_ = milliseconds(1);
};

}  // namespace weir::sim
