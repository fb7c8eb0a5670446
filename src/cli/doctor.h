// What is wrong with a node's configuration, machine or directories, and what to do about it: weir doctor. Changes
// nothing. Blocks; no loop runs.
#pragma once

#include <string>
#include <vector>

#include "broker/run_node.h"

namespace weir::cli {

struct Finding {
  enum class Severity : uint8_t {
    kNote,     // good to know
    kWarning,  // works, but not for long or not safely
    kProblem,  // the node does not start, or loses data
  };
  Severity severity;
  std::string about;   // a setting, a directory, the machine
  std::string what;    // and why it matters
  std::string advice;  // empty: nothing to do
};

std::string_view severity_name(Finding::Severity severity);

// Looks at a node that would be started with `options`. The worst comes first.
std::vector<Finding> examine(const broker::StartOptions& options);

}  // namespace weir::cli
