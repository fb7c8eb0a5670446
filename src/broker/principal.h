// Who asks, in the bytes that brokers and controllers pass on to each other in an Envelope: Kafka's
// DefaultPrincipalData behind its version. Plain functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace weir::broker {

// Of the user `name`; none: the anonymous one.
std::string encode_principal(std::string_view name);
// The user's name. kCorrupt, kUnsupported.
Result<std::string> decode_principal(ByteView bytes);

}  // namespace weir::broker
