// From the error codes of answers to the errors of the client. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/error_code.h"

namespace weir::client {

// What a caller of the client can do about `code`. `about` names the thing ("topic orders"), `detail` is the broker's
// own sentence, if it sent one.
Error to_error(protocol::ErrorCode code, std::string_view about, std::optional<std::string_view> detail = std::nullopt);

// The result of one item of an answer.
Result<> to_result(int16_t code, std::string_view about, std::optional<std::string_view> detail = std::nullopt);

// Whether trying again, on a new connection perhaps, may help.
bool is_transport_failure(const Error& error);

}  // namespace weir::client
