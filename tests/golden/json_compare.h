// Compares the JSON of messages: the order of members does not count, and tagged fields at their defaults may be left
// out.
#pragma once

#include <string>
#include <string_view>

namespace weir::golden {

// Empty when `actual` says the same as `expected`, else what differs and where. A member of `expected` that `actual`
// lacks must have a value that fields have by default: null, false, [] or "".
std::string json_difference(std::string_view expected, std::string_view actual);

}  // namespace weir::golden
