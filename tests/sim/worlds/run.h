// One run of a workload: what goes in and what comes out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace weir::sim {

struct RunOptions {
  uint64_t seed = 1;
  bool print_trace = false;
  // For tests of the invariants: the device says that it has synced, and has not.
  bool disk_lies = false;
};

struct RunResult {
  std::string failure;  // "INVARIANT: what was found", or empty
  uint64_t trace_hash = 0;
  uint64_t steps = 0;
};

struct Workload {
  std::string_view name;
  RunResult (*run)(const RunOptions&);
};

}  // namespace weir::sim
