// What is wrong with a cluster, and what to do about it, as weir cluster status tells it. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/types.h"
#include "cli/cluster_facts.h"

namespace weir::cli {

enum class Severity : uint8_t {
  kError,    // clients feel it, or will soon
  kWarning,  // it can become one
  kNote,     // good to know
};
std::string_view severity_name(Severity severity);

struct Problem {
  Severity severity;
  std::string what;
  std::string advice;  // what to do or to type
};

// The worst first. `now` tells how long ago voters have fetched.
std::vector<Problem> find_problems(const ClusterFacts& facts, Timestamp now);

}  // namespace weir::cli
