// The manual page, made from the definitions of the commands. Plain; one thread.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace weir::cli {

// weir(1), in the macros of man(7).
std::string manual_page(const CLI::App& root);

}  // namespace weir::cli
