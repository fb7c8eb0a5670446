// Reads the text of a Java .properties file: comments (# !), separators (= : blanks), continued lines (\ at the end),
// escapes
// (\t \n \r \f \uXXXX, any other character for itself). Plain functions; any thread.
#pragma once

#include <string_view>

#include "base/result.h"
#include "broker/config/config_value.h"

namespace weir::broker {

// Later lines win over earlier ones of the same name. kInvalidArgument, with the line's number, for a broken \u escape.
Result<ConfigMap> parse_properties(std::string_view text);

// One "key=value" of a command line. kInvalidArgument without a '=' or without a key.
Result<std::pair<std::string, std::string>> parse_override(std::string_view text);

}  // namespace weir::broker
