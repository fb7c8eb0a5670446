// A message that decodes encodes again, to bytes that decode and encode to themselves. (The first bytes may differ:
// unknown tagged fields are dropped, and a number has several encodings.)
#pragma once

#include <algorithm>

#include "base/check.h"
#include "protocol/json/reflection.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::fuzz {

inline void check_round_trip(const protocol::MessageInfo& info, ByteView bytes, int16_t version) {
  using namespace protocol;
  Reader in(bytes);
  const auto first = info.make();
  if (!info.decode(first.get(), in, version)) return;
  Writer once;
  const Result<void> encoded = info.encode(first.get(), once, version);
  CHECK(encoded.has_value(), "{} v{} was decoded and does not encode: {}", info.name, version, encoded.error().message);
  Reader again(once.view());
  const auto second = info.make();
  const Result<void> decoded = info.decode(second.get(), again, version);
  CHECK(decoded.has_value(), "{} v{} does not decode: {}", info.name, version, decoded.error().message);
  CHECK(again.remaining() == 0, "{} v{} leaves {} of its own bytes", info.name, version, again.remaining());
  Writer twice;
  CHECK(info.encode(second.get(), twice, version).has_value());
  CHECK(std::ranges::equal(once.view(), twice.view()), "{} v{} changes by a round trip", info.name, version);
}

}  // namespace weir::fuzz
