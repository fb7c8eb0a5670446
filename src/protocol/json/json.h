// Messages as JSON: camelCase names in schema order, bytes and records as hex, uuids as their 22-character text, only
// the fields that the version has; a tagged field only when it differs from its default. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/json/reflection.h"

namespace weir::protocol {

// Appends the object of a message of `info`'s type. Of external records only the size is shown.
void append_json(std::string& out, const MessageInfo& info, const void* message, int16_t version);

template <class Message>
std::string to_json(const Message& message, int16_t version) {
  std::string out;
  append_json(out, *find_message(Message::kName), &message, version);
  return out;
}

// Decodes `bytes` as a message of `info`'s type and gives its JSON. The errors of decode(); kCorrupt for bytes left
// behind it.
Result<std::string> decode_to_json(const MessageInfo& info, ByteView bytes, int16_t version);

// Appends a quoted JSON string: control characters, quotes and backslashes escaped, everything else as it is.
void append_json_string(std::string& out, std::string_view text);
void append_hex(std::string& out, ByteView bytes);

}  // namespace weir::protocol
