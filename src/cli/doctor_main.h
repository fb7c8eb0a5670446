// weir doctor: says what is wrong with a node's configuration, machine and directories. Blocks; before any loop runs.
#pragma once

#include "cli/invocation.h"

namespace weir::cli {

// Gives the exit code: kExitFailed when there is a problem.
int run_doctor(const Doctor& command, OutputFormat format);

}  // namespace weir::cli
