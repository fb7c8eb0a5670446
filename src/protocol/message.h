// What every generated message header needs, and the contract of the generated functions.
//
// A message is a plain struct: strings, byte arrays and records are views into the bytes it was decoded from or made
// from, which the owner of the message keeps alive. Fields have the defaults of the protocol. A message belongs to
// whoever holds it; any one thread.
//
//   Result<void> decode(Reader& in, int16_t version);
//     Replaces the message by what the reader holds; fields that the version lacks get their defaults. kUnsupported for
//     a version outside kMinVersion..kMaxVersion, kCorrupt for bytes that do not parse (then the message is half filled
//     and must not be used). Bytes behind the message are left in the reader: Reader::expect_end. Memory: at most
//     kDecodedSizeFactor times the bytes that the reader holds.
//   Result<void> encode(Writer& out, int16_t version) const;
//     Appends the message. kUnsupported for an unknown version, and when a field has a value that the version cannot
//     carry and that Kafka does not let vanish; kInvalidArgument for a string of more than 32767 bytes. After an error
//     the writer holds part of a message: Writer::truncate to where it began.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/uuid.h"
#include "protocol/api_key.h"
#include "protocol/records.h"

namespace weir::protocol {

class Reader;
class Writer;

// The kFirstFlexibleVersion of a message without flexible versions.
inline constexpr int16_t kNeverFlexible = INT16_MAX;

// The elements of decoded arrays take at most this many times the bytes that they were decoded from; most take twice
// those bytes.
inline constexpr size_t kDecodedSizeFactor = 32;

// kUnsupported when `version` of `message` does not exist.
Result<void> check_version(std::string_view message, int16_t version, int16_t min, int16_t max);

}  // namespace weir::protocol
