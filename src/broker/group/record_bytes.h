// Keys and values of __consumer_offsets as bytes: a type or version number of two bytes, then the message. Stateless;
// any thread.
#pragma once

#include "base/check.h"
#include "base/result.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::broker {

template <class Message>
ByteVector encode_prefixed(int16_t prefix, const Message& message, int16_t version) {
  protocol::Writer out;
  out.int16(prefix);
  const Result<void> encoded = message.encode(out, version);
  // What goes in was taken from a request or a record, so that it fits.
  CHECK(encoded.has_value(), "{}", encoded.error().message);
  return to_vector(out.view());
}

template <class Key>
ByteVector encode_key(const Key& key) {
  return encode_prefixed(Key::kRecordType, key, 0);
}

// The value behind its version. Versions above the known ones are refused: their meaning is unknown, and guessing would
// lose offsets.
template <class Value>
Result<Value> decode_value(ByteView bytes) {
  protocol::Reader in(bytes);
  const int16_t version = in.int16();
  TRY(in.status(Value::kName, 0));
  Value value;
  TRY(value.decode(in, version));
  return value;
}

}  // namespace weir::broker
