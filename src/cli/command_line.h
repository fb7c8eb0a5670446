// From the words of a command line to an Invocation. Plain: it prints nothing and ends nothing. One thread.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "cli/invocation.h"

namespace weir::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitWrongUsage = 2;
// And 128 and the signal, for a command that a signal ended before it was done (Context::interrupted_exit_code).

inline constexpr const char* kVersionLine = "weir " WEIR_VERSION " (Kafka 4.3.1)";

// Instead of a command: a text that was asked for (kExitDone, for the standard output), or what is wrong with the words
// and what was probably meant (kExitWrongUsage, for the standard error).
struct Refusal {
  int exit_code;
  std::string text;
};

// `words` without the program's name. `bootstrap` is $WEIR_BOOTSTRAP, empty when that is not set.
std::expected<Invocation, Refusal> parse_command_line(std::vector<std::string> words, const std::string& bootstrap);

}  // namespace weir::cli
