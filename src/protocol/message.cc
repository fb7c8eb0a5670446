#include "protocol/message.h"

#include <fmt/format.h>

namespace weir::protocol {

Result<void> check_version(std::string_view message, int16_t version, int16_t min, int16_t max) {
  if (version >= min && version <= max) [[likely]]
    return {};
  return fail(Errc::kUnsupported, fmt::format("{} has no version {}, only {} to {}", message, version, min, max));
}

}  // namespace weir::protocol
