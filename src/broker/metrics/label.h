// Text of clients and operators as the value of a label in Prometheus' text format.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace weir::broker {

// Without the quotes around it. What is not plain ASCII becomes \xNN, byte by byte: a client may name itself and its
// group anything, and one value that is no UTF-8 would cost the whole page.
inline std::string label_value(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      value += '\\';
      value += c;
    } else if (c >= ' ' && c <= '~') {
      value += c;
    } else {
      value += fmt::format("\\\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return value;
}

}  // namespace weir::broker
