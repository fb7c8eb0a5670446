// weir format: prepares the log directories of a node. Blocks; before any loop runs.
#pragma once

#include "cli/invocation.h"

namespace weir::cli {

// Gives the exit code, having told what was done or what is wrong.
int run_format(const Format& command);

}  // namespace weir::cli
