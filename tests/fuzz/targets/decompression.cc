// Each codec on bytes that anybody may have sent: no more than the limit comes out, and what does come out survives
// being compressed again. Input: 1 byte for the codec, the compressed bytes.
#include <algorithm>

#include "base/check.h"
#include "protocol/compression.h"
#include "protocol/writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  using namespace weir::protocol;
  constexpr size_t kSizeMax = size_t{256} << 10;
  if (size < 1) return 0;
  const auto codec = static_cast<Compression>(data[0] % (kCompressionMax + 1));
  const auto content = decompress(codec, {data + 1, size - 1}, kSizeMax);
  if (!content) return 0;
  CHECK(content->bytes.size() <= kSizeMax, "{} bytes", content->bytes.size());
  Writer out;
  compress(codec, std::nullopt, content->bytes, out);
  const auto again = decompress(codec, out.view(), kSizeMax);
  CHECK(again.has_value(), "{}: {}", compression_name(codec), again.error().message);
  CHECK(std::ranges::equal(again->bytes, content->bytes), "{} changes the content", compression_name(codec));
  return 0;
}
