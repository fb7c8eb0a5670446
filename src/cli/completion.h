// Completion scripts for shells, made from the definitions of the commands. Plain; one thread.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace weir::cli {

// What `shell` (bash, zsh or fish) reads to complete commands, options, and the values of options that name theirs.
std::string completion_script(const CLI::App& root, std::string_view shell);

}  // namespace weir::cli
