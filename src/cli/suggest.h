// The nearest of some names to a mistyped one. Plain; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

// Single-character insertions, deletions, replacements and swaps of neighbours that turn one into the other.
size_t edit_distance(std::string_view a, std::string_view b);

// Empty when none is near enough to have been meant.
std::string nearest(std::string_view typed, const std::vector<std::string>& names);

}  // namespace weir::cli
