// One POST to an HTTP/1.1 server, on a connection of its own. Current loop.
#pragma once

#include <string_view>

#include "base/seams.h"
#include "broker/config/listener_config.h"

namespace weir::broker {

// Yields the status of the answer, whose body is not read. Errors: of Network::connect, kTimedOut, kClosed; kCorrupt
// for an answer that is no HTTP. Target and body outlive the task.
Task<Result<int>> http_post(Network& network, const HttpTarget& target, std::string_view content_type,
                            std::string_view body, Duration patience);

}  // namespace weir::broker
