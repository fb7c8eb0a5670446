#include "protocol/compression.h"

#include <gtest/gtest.h>
#include <snappy.h>

#include <string>

#include "protocol/writer.h"

namespace weir::protocol {
namespace {

constexpr Compression kCodecs[] = {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                   Compression::kZstd};
constexpr Compression kRealCodecs[] = {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd};

// Text that compresses, with noise that does not.
std::string sample(size_t size) {
  std::string text;
  uint64_t state = 1;
  while (text.size() < size) {
    state = state * 6364136223846793005 + 1442695040888963407;
    text += state >> 62 == 0 ? std::to_string(state) : "the same words again and again ";
  }
  text.resize(size);
  return text;
}

ByteVector compressed(Compression codec, std::string_view text, std::optional<int> level = {}) {
  Writer out;
  compress(codec, level, as_bytes(text), out);
  return to_vector(out.view());
}

TEST(Compression, ContentOfEverySizeComesBackFromEveryCodec) {
  for (Compression codec : kCodecs) {
    for (size_t size : {0, 1, 100, 32767, 32768, 32769, 65536, 65537, 1000000}) {
      SCOPED_TRACE(std::string(compression_name(codec)) + " of " + std::to_string(size));
      std::string text = sample(size);
      ByteVector packed = compressed(codec, text);
      auto content = decompress(codec, packed, size);
      ASSERT_TRUE(content.has_value()) << content.error().message;
      EXPECT_EQ(as_text(content->bytes), text);
    }
  }
}

TEST(Compression, EveryLevelThatTheConfigsAllow) {
  std::string text = sample(50000);
  for (Compression codec : kRealCodecs) {
    auto levels = compression_levels(codec);
    for (int level :
         {levels.min, levels.usual, (std::max(levels.min, 0) + levels.max) / 2, levels.max, 1000, -200000}) {
      SCOPED_TRACE(std::string(compression_name(codec)) + " level " + std::to_string(level));
      auto content = decompress(codec, compressed(codec, text, level), text.size());
      ASSERT_TRUE(content.has_value()) << content.error().message;
      EXPECT_EQ(as_text(content->bytes), text);
    }
  }
}

TEST(Compression, MoreContentThanAllowedIsTooLarge) {
  for (Compression codec : kCodecs) {
    for (size_t size : {2, 5000, 300000}) {
      std::string text = sample(size);
      auto content = decompress(codec, compressed(codec, text), size - 1);
      ASSERT_FALSE(content.has_value()) << compression_name(codec) << " of " << size;
      EXPECT_EQ(content.error().code, Errc::kTooLarge) << content.error().message;
    }
  }
}

TEST(Compression, BombIsRefusedWithoutRoomForItsContent) {
  std::string zeros(size_t{200} << 20, '\0');
  for (Compression codec : kRealCodecs) {
    ByteVector bomb = compressed(codec, zeros);
    auto content = decompress(codec, bomb, 1 << 20);
    ASSERT_FALSE(content.has_value()) << compression_name(codec);
    EXPECT_EQ(content.error().code, Errc::kTooLarge) << content.error().message;
  }
}

TEST(Compression, CutOrDamagedDataNeverCrashesAndCutDataIsCorrupt) {
  std::string text = sample(3000);
  for (Compression codec : kRealCodecs) {
    ByteVector packed = compressed(codec, text);
    for (size_t size = 0; size < packed.size(); ++size) {
      auto content = decompress(codec, ByteView(packed).first(size), 10000);
      // Cut behind its header or behind a block, an xerial stream is whole.
      if (content && codec == Compression::kSnappy && size == 16) continue;
      ASSERT_FALSE(content.has_value()) << compression_name(codec) << " cut to " << size;
      EXPECT_EQ(content.error().code, Errc::kCorrupt);
    }
    for (size_t i = 0; i < packed.size(); ++i) {
      ByteVector damaged = packed;
      damaged[i] ^= 0x41;
      auto content = decompress(codec, damaged, 10000);
      if (content) EXPECT_LE(content->bytes.size(), 10000U);
    }
  }
}

TEST(Compression, SnappyIsTheStreamOfTheJavaLibrary) {
  ByteVector packed = compressed(Compression::kSnappy, sample(70000));
  const uint8_t header[] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};
  ASSERT_EQ(as_text(ByteView(packed).first(16)), as_text(header));
  int blocks = 0;
  for (size_t at = 16; at < packed.size(); ++blocks) at += 4 + load_be<uint32_t>(packed.data() + at);
  EXPECT_EQ(blocks, 3);
}

TEST(Compression, BareSnappyBlockIsTakenToo) {
  std::string text = sample(5000);
  std::string block;
  snappy::Compress(text.data(), text.size(), &block);
  auto content = decompress(Compression::kSnappy, as_bytes(block), 10000);
  ASSERT_TRUE(content.has_value()) << content.error().message;
  EXPECT_EQ(as_text(content->bytes), text);
}

TEST(Compression, EmptySnappyBlockIsTaken) {
  const uint8_t empty[] = {0x00};
  auto content = decompress(Compression::kSnappy, empty, 0);
  ASSERT_TRUE(content.has_value()) << content.error().message;
  EXPECT_TRUE(content->bytes.empty());
}

TEST(Compression, SnappyBlockThatClaimsMoreThanItCanHoldIsCorrupt) {
  // A varint of 2^30 and nothing behind it.
  const uint8_t claim[] = {0x80, 0x80, 0x80, 0x80, 0x04, 0x00};
  auto content = decompress(Compression::kSnappy, claim, size_t{1} << 31);
  ASSERT_FALSE(content.has_value());
  EXPECT_EQ(content.error().code, Errc::kCorrupt);
}

TEST(Compression, Lz4FrameHasIndependentBlocksOf64KibAndNoChecksums) {
  ByteVector packed = compressed(Compression::kLz4, sample(100));
  const uint8_t header[] = {0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82};
  ASSERT_EQ(as_text(ByteView(packed).first(sizeof header)), as_text(header));
  EXPECT_EQ(load_be<uint32_t>(packed.data() + packed.size() - 4), 0U);  // the end mark
}

TEST(Compression, GzipOfSeveralMembersIsRead) {
  ByteVector both = compressed(Compression::kGzip, "first ");
  ByteVector second = compressed(Compression::kGzip, sample(100000));
  both.insert(both.end(), second.begin(), second.end());
  auto content = decompress(Compression::kGzip, both, 200000);
  ASSERT_TRUE(content.has_value()) << content.error().message;
  EXPECT_EQ(as_text(content->bytes), "first " + sample(100000));
}

TEST(Compression, GzipTrailerThatLiesAboutTheSizeIsCorrupt) {
  ByteVector packed = compressed(Compression::kGzip, sample(1000));
  packed[packed.size() - 4] ^= 1;
  auto content = decompress(Compression::kGzip, packed, 10000);
  ASSERT_FALSE(content.has_value());
  EXPECT_EQ(content.error().code, Errc::kCorrupt);
}

TEST(Compression, NamesAreThoseOfTheConfigs) {
  for (Compression codec : kCodecs) EXPECT_EQ(parse_compression(compression_name(codec)), codec);
  EXPECT_EQ(parse_compression("producer"), std::nullopt);
  EXPECT_EQ(parse_compression("LZ4"), std::nullopt);
}

}  // namespace
}  // namespace weir::protocol
