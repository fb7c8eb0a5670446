// All workloads, by name.
#pragma once

#include <span>

#include "sim/worlds/run.h"

namespace weir::sim {

std::span<const Workload> all_workloads();

}  // namespace weir::sim
