#include "sim/disk_threads.h"

namespace weir::sim {

void SimDiskThreads::submit(Work work, DiskWork /*kind*/) {
  simulation_.after(simulation_.random().between(Duration::zero(), wait_max_), owner_, std::move(work));
}

}  // namespace weir::sim
