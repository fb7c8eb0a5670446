#include "protocol/compression.h"

#include <fmt/format.h>
#include <libdeflate.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
// The bound of a frame's content from its block headers, which spares a window: it is in the shared library too.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/check.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

constexpr std::array<std::string_view, kCompressionMax + 1> kNames = {"none", "gzip", "snappy", "lz4", "zstd"};
constexpr std::array<CompressionLevels, kCompressionMax + 1> kLevels = {
    {{0, 0, 0}, {1, 9, 6}, {0, 0, 0}, {1, 17, 9}, {-131072, 22, 3}}};

std::unexpected<Error> corrupt(Compression codec, std::string_view why) {
  return fail(Errc::kCorrupt, fmt::format("{} data: {}", compression_name(codec), why));
}

std::unexpected<Error> too_large(Compression codec, size_t size_max) {
  return fail(Errc::kTooLarge,
              fmt::format("{} data decompresses to more than {} bytes", compression_name(codec), size_max));
}

// ------------------------------------------------------------------------------------------------------------ gzip

struct DeflateFree {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};

void gzip_compress(int level, ByteView data, Writer& out) {
  thread_local std::unique_ptr<libdeflate_compressor, DeflateFree> compressor;
  thread_local int compressor_level = 0;
  if (!compressor || compressor_level != level) {
    compressor.reset(libdeflate_alloc_compressor(level));
    compressor_level = level;
    CHECK(compressor != nullptr, "no gzip compressor of level {}", level);
  }
  size_t bound = libdeflate_gzip_compress_bound(compressor.get(), data.size());
  size_t start = out.size();
  uint8_t* into = out.extend(bound);
  size_t size = libdeflate_gzip_compress(compressor.get(), data.data(), data.size(), into, bound);
  CHECK(size > 0, "{} bytes do not fit their bound {}", data.size(), bound);
  out.truncate(start + size);
}

// A stream of any number of members, of unknown size.
Result<SharedBytes> gunzip_stream(ByteView data, size_t size_max) {
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  z_stream stream{};
  CHECK(inflateInit2(&stream, kGzipOnly) == Z_OK, "no memory for zlib");
  std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, &inflateEnd);
  stream.next_in = const_cast<uint8_t*>(data.data());
  stream.avail_in = static_cast<uInt>(data.size());
  Writer out;
  constexpr size_t kStep = 64 * 1024;
  for (;;) {
    // One byte over the limit is enough to know.
    size_t step = std::min(kStep, size_max - out.size() + 1);
    size_t before = out.size();
    stream.next_out = out.extend(step);
    stream.avail_out = static_cast<uInt>(step);
    int state = inflate(&stream, Z_NO_FLUSH);
    out.truncate(before + step - stream.avail_out);
    if (out.size() > size_max) return too_large(Compression::kGzip, size_max);
    if (state == Z_STREAM_END) {
      if (stream.avail_in == 0) return out.release();
      if (inflateReset(&stream) != Z_OK) return corrupt(Compression::kGzip, "its next member does not begin");
    } else if (state != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
      return corrupt(Compression::kGzip, stream.msg != nullptr ? stream.msg : "it ends too early");
    }
  }
}

Result<SharedBytes> gunzip(ByteView data, size_t size_max) {
  constexpr size_t kTrailerSize = 8;
  constexpr size_t kRatioMax = 1032;  // of deflate
  if (data.size() < kTrailerSize) return corrupt(Compression::kGzip, "it ends too early");
  uint32_t claimed;  // the last member's size, which for nearly everybody's streams is the only one
  std::memcpy(&claimed, data.data() + data.size() - sizeof claimed, sizeof claimed);
  if (claimed <= size_max && claimed <= data.size() * kRatioMax) {
    thread_local std::unique_ptr<libdeflate_decompressor, DeflateFree> decompressor(libdeflate_alloc_decompressor());
    CHECK(decompressor != nullptr, "no memory for libdeflate");
    Buffer buffer = Buffer::allocate(std::max<size_t>(claimed, 1));
    size_t read = 0;
    size_t written = 0;
    auto state = libdeflate_gzip_decompress_ex(decompressor.get(), data.data(), data.size(), buffer.data(), claimed,
                                               &read, &written);
    if (state == LIBDEFLATE_SUCCESS && read == data.size()) return SharedBytes{buffer, {buffer.data(), written}};
  }
  return gunzip_stream(data, size_max);
}

// ---------------------------------------------------------------------------------------------------------- snappy

constexpr std::array<uint8_t, 16> kSnappyHeader = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
constexpr size_t kSnappyMagicSize = 8;
constexpr size_t kSnappyBlockSize = 32 * 1024;
constexpr size_t kSnappyRatioMax = 32;  // a copy of 64 bytes takes 3

void snappy_compress(ByteView data, Writer& out) {
  out.raw(kSnappyHeader);
  for (size_t at = 0; at < data.size(); at += kSnappyBlockSize) {
    ByteView block = data.subspan(at, std::min(kSnappyBlockSize, data.size() - at));
    size_t start = out.size();
    uint8_t* into = out.extend(sizeof(int32_t) + snappy::MaxCompressedLength(block.size()));
    size_t size = 0;
    snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(),
                        reinterpret_cast<char*>(into + sizeof(int32_t)), &size);
    store_be(into, static_cast<int32_t>(size));
    out.truncate(start + sizeof(int32_t) + size);
  }
}

Result<void> unsnappy_block(ByteView block, size_t size_max, Writer& out) {
  const auto* data = reinterpret_cast<const char*>(block.data());
  size_t size = 0;
  if (!snappy::GetUncompressedLength(data, block.size(), &size) || size > block.size() * kSnappyRatioMax) {
    return corrupt(Compression::kSnappy, "the size of a block is wrong");
  }
  if (size > size_max - out.size()) return too_large(Compression::kSnappy, size_max);
  if (size == 0 && block.size() == 1) return {};
  if (size == 0) return corrupt(Compression::kSnappy, "an empty block is followed by something");
  if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(out.extend(size)))) {
    return corrupt(Compression::kSnappy, "a block does not decompress");
  }
  return {};
}

Result<SharedBytes> unsnappy(ByteView data, size_t size_max) {
  Writer out(std::min(size_max, data.size() * 3));
  if (data.size() < kSnappyHeader.size() || std::memcmp(data.data(), kSnappyHeader.data(), kSnappyMagicSize) != 0) {
    TRY(unsnappy_block(data, size_max, out));
    return out.release();
  }
  for (data = data.subspan(kSnappyHeader.size()); !data.empty();) {
    if (data.size() < sizeof(int32_t)) return corrupt(Compression::kSnappy, "it ends too early");
    auto size = static_cast<size_t>(load_be<uint32_t>(data.data()));
    data = data.subspan(sizeof(int32_t));
    if (size > data.size()) return corrupt(Compression::kSnappy, "a block runs past the end");
    TRY(unsnappy_block(data.first(size), size_max, out));
    data = data.subspan(size);
  }
  return out.release();
}

// ------------------------------------------------------------------------------------------------------------- lz4

struct Lz4Free {
  void operator()(LZ4F_cctx* c) const { LZ4F_freeCompressionContext(c); }
  void operator()(LZ4F_dctx* d) const { LZ4F_freeDecompressionContext(d); }
};

LZ4F_cctx* lz4_compressor() {
  thread_local std::unique_ptr<LZ4F_cctx, Lz4Free> context = [] {
    LZ4F_cctx* made = nullptr;
    CHECK(!LZ4F_isError(LZ4F_createCompressionContext(&made, LZ4F_VERSION)), "no memory for lz4");
    return std::unique_ptr<LZ4F_cctx, Lz4Free>(made);
  }();
  return context.get();
}

LZ4F_dctx* lz4_decompressor() {
  thread_local std::unique_ptr<LZ4F_dctx, Lz4Free> context = [] {
    LZ4F_dctx* made = nullptr;
    CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&made, LZ4F_VERSION)), "no memory for lz4");
    return std::unique_ptr<LZ4F_dctx, Lz4Free>(made);
  }();
  LZ4F_resetDecompressionContext(context.get());
  return context.get();
}

void lz4_compress(int level, ByteView data, Writer& out) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.autoFlush = 1;
  // The usual level stands for the fast compressor, all others for the thorough one, as in Kafka's clients.
  preferences.compressionLevel =
      level == kLevels[static_cast<size_t>(Compression::kLz4)].usual ? 0 : std::max(level, 3);
  size_t bound = LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(data.size(), &preferences);
  size_t start = out.size();
  uint8_t* into = out.extend(bound);
  LZ4F_cctx* context = lz4_compressor();
  size_t size = LZ4F_compressBegin(context, into, bound, &preferences);
  CHECK(!LZ4F_isError(size), "{}", LZ4F_getErrorName(size));
  for (auto step : {0, 1}) {
    size_t more = step == 0 ? LZ4F_compressUpdate(context, into + size, bound - size, data.data(), data.size(), nullptr)
                            : LZ4F_compressEnd(context, into + size, bound - size, nullptr);
    CHECK(!LZ4F_isError(more), "{}", LZ4F_getErrorName(more));
    size += more;
  }
  out.truncate(start + size);
}

Result<SharedBytes> unlz4(ByteView data, size_t size_max) {
  LZ4F_dctx* context = lz4_decompressor();
  Writer out(std::min(size_max, data.size() * 3));
  constexpr size_t kStep = 64 * 1024;
  for (;;) {
    size_t step = std::min(kStep, size_max - out.size() + 1);
    size_t before = out.size();
    uint8_t* into = out.extend(step);
    size_t read = data.size();
    size_t hint = LZ4F_decompress(context, into, &step, data.data(), &read, nullptr);
    if (LZ4F_isError(hint)) return corrupt(Compression::kLz4, LZ4F_getErrorName(hint));
    out.truncate(before + step);
    data = data.subspan(read);
    if (out.size() > size_max) return too_large(Compression::kLz4, size_max);
    if (hint == 0) break;
    if (step == 0 && data.empty()) return corrupt(Compression::kLz4, "it ends too early");
  }
  if (!data.empty()) return corrupt(Compression::kLz4, "bytes are left behind the frame");
  return out.release();
}

// ------------------------------------------------------------------------------------------------------------ zstd

struct ZstdFree {
  void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
  void operator()(ZSTD_DCtx* d) const { ZSTD_freeDCtx(d); }
};

void zstd_compress(int level, ByteView data, Writer& out) {
  thread_local std::unique_ptr<ZSTD_CCtx, ZstdFree> context(ZSTD_createCCtx());
  CHECK(context != nullptr, "no memory for zstd");
  size_t bound = ZSTD_compressBound(data.size());
  size_t start = out.size();
  uint8_t* into = out.extend(bound);
  size_t size = ZSTD_compressCCtx(context.get(), into, bound, data.data(), data.size(), level);
  CHECK(!ZSTD_isError(size), "{}", ZSTD_getErrorName(size));
  out.truncate(start + size);
}

Result<SharedBytes> unzstd(ByteView data, size_t size_max) {
  thread_local std::unique_ptr<ZSTD_DCtx, ZstdFree> context(ZSTD_createDCtx());
  CHECK(context != nullptr, "no memory for zstd");
  if (data.empty()) return corrupt(Compression::kZstd, "there is none");  // to the library: no frames, no content
  // From the headers of the frames and blocks that are really there, so it grows with the input.
  unsigned long long bound = ZSTD_decompressBound(data.data(), data.size());
  if (bound == ZSTD_CONTENTSIZE_ERROR) return corrupt(Compression::kZstd, "its frames are not whole");
  size_t room = std::min<unsigned long long>(bound, size_max);
  Buffer buffer = Buffer::allocate(std::max<size_t>(room, 1));
  size_t size = ZSTD_decompressDCtx(context.get(), buffer.data(), room, data.data(), data.size());
  if (ZSTD_isError(size)) {
    // With less room than the bound, not fitting is the one failure to expect.
    if (room < bound) return too_large(Compression::kZstd, size_max);
    return corrupt(Compression::kZstd, ZSTD_getErrorName(size));
  }
  return SharedBytes{buffer, {buffer.data(), size}};
}

}  // namespace

std::string_view compression_name(Compression codec) { return kNames[static_cast<size_t>(codec)]; }

std::optional<Compression> parse_compression(std::string_view name) {
  const auto* at = std::ranges::find(kNames, name);
  if (at == kNames.end()) return std::nullopt;
  return static_cast<Compression>(at - kNames.begin());
}

CompressionLevels compression_levels(Compression codec) { return kLevels[static_cast<size_t>(codec)]; }

void compress(Compression codec, std::optional<int> level, ByteView data, Writer& out) {
  CompressionLevels levels = compression_levels(codec);
  int chosen = std::clamp(level.value_or(levels.usual), levels.min, levels.max);
  switch (codec) {
    case Compression::kNone:
      return out.raw(data);
    case Compression::kGzip:
      return gzip_compress(chosen, data, out);
    case Compression::kSnappy:
      return snappy_compress(data, out);
    case Compression::kLz4:
      return lz4_compress(chosen, data, out);
    case Compression::kZstd:
      return zstd_compress(chosen, data, out);
  }
}

Result<SharedBytes> decompress(Compression codec, ByteView data, size_t size_max) {
  switch (codec) {
    case Compression::kNone:
      if (data.size() > size_max) return too_large(codec, size_max);
      return SharedBytes{Buffer(), data};
    case Compression::kGzip:
      return gunzip(data, size_max);
    case Compression::kSnappy:
      return unsnappy(data, size_max);
    case Compression::kLz4:
      return unlz4(data, size_max);
    case Compression::kZstd:
      return unzstd(data, size_max);
  }
  return fail(Errc::kUnsupported, fmt::format("there is no codec {}", static_cast<int>(codec)));
}

}  // namespace weir::protocol
