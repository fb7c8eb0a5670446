// The compression codecs of record batches, on whole blobs. Framings: docs/formats/records.md.
// Each thread keeps the contexts of the libraries for reuse; nothing else is shared, so any thread may call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"

namespace weir::protocol {

class Writer;

// As in the attributes of a batch.
enum class Compression : uint8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };
inline constexpr int kCompressionMax = 4;

// none, gzip, snappy, lz4, zstd: the values of compression.type, of which "producer" and "uncompressed" are the
// caller's to know.
std::string_view compression_name(Compression codec);
std::optional<Compression> parse_compression(std::string_view name);

// The levels that the configs allow (compression.gzip.level, .lz4.level, .zstd.level); snappy and none have only 0.
struct CompressionLevels {
  int min;
  int max;
  int usual;
};
CompressionLevels compression_levels(Compression codec);

// Appends `data`, compressed, to `out`. The level is held within what the codec has; without one it is the usual one.
void compress(Compression codec, std::optional<int> level, ByteView data, Writer& out);

// The content of `data` in a pooled buffer; for kNone a view of `data` itself. At most twice `size_max` bytes (and what
// the library needs for its window) are allocated whatever the input claims. kTooLarge when the content is larger,
// kCorrupt when it does not decompress.
Result<SharedBytes> decompress(Compression codec, ByteView data, size_t size_max);

}  // namespace weir::protocol
