// CHECK: invariants that hold in release builds too. A broken one stops the process with a message; bad input must
// never reach one.
#pragma once

#include <fmt/core.h>

#include <string_view>

namespace weir {

// Prints the failed invariant with its place and aborts. Any thread.
[[noreturn]] void check_failed(const char* file, int line, std::string_view condition, std::string_view message);

}  // namespace weir

// CHECK(condition) or CHECK(condition, "format {}", argument...): the message says what was found, not what was hoped
// for.
#define CHECK(condition, ...)                                                                             \
  do {                                                                                                    \
    if (!(condition)) [[unlikely]]                                                                        \
      ::weir::check_failed(__FILE__, __LINE__, #condition, ::weir::internal::check_message(__VA_ARGS__)); \
  } while (false)

namespace weir::internal {
inline std::string check_message() { return {}; }
template <class... Args>
std::string check_message(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}
}  // namespace weir::internal
