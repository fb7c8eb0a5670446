// The frames of a connection: a size, a header, a message. What stands before the message of a request or an answer.
// Stateless; any thread. Format: int32 size of what follows, then the header (its version follows from API and version:
// api_key.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "protocol/api_key.h"
#include "protocol/messages/request_header.h"
#include "protocol/messages/response_header.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::protocol {

// Reads the header at the start of a request (behind the size). kUnsupported for an API key that no schema has,
// kCorrupt for bytes that do not parse: the connection is closed in both cases. A version that is not served is the
// caller's to judge, except that the header of a version beyond the last known one is read as that of the last.
Result<RequestHeader> decode_request_header(Reader& in);

// Begins a request or an answer with room for its size; give the result to Writer::end_frame when the message is
// written.
size_t begin_request(Writer& out, ApiKey key, int16_t version, int32_t correlation_id,
                     std::optional<std::string_view> client_id);
size_t begin_response(Writer& out, ApiKey key, int16_t version, int32_t correlation_id);

// Reads the header of an answer to a request of `key` and `version` and gives its correlation id.
Result<int32_t> decode_response_header(Reader& in, ApiKey key, int16_t version);

}  // namespace weir::protocol
