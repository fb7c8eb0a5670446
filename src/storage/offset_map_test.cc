#include "storage/offset_map.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace weir::storage {
namespace {

constexpr HashSeed kSeed{1, 2};

TEST(KeyHash, IsSipHashWith128Bits) {
  // The first vectors of the reference implementation: the key is 00 01 .. 0f, the input 00 01 ..
  constexpr HashSeed kReference{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  auto hex = [&](size_t size) {
    ByteVector input(size);
    for (size_t i = 0; i < size; ++i) input[i] = static_cast<uint8_t>(i);
    const KeyHash hash = hash_key(input, kReference);
    return std::array{std::byteswap(hash.low), std::byteswap(hash.high)};
  };
  EXPECT_EQ(hex(0), (std::array<uint64_t, 2>{0xa3817f04ba25a8e6, 0x6df67214c7550293}));
  EXPECT_EQ(hex(1), (std::array<uint64_t, 2>{0xda87c1d86b99af44, 0x347659119b22fc45}));
  EXPECT_EQ(hex(2), (std::array<uint64_t, 2>{0x8177228da4a45dc7, 0xfca38bdef60affe4}));
}

TEST(KeyHash, DiffersBySeedAndByEachByte) {
  const std::string key = "a key of more than one word";
  const KeyHash hash = hash_key(as_bytes(key), kSeed);
  EXPECT_NE(hash.low, hash_key(as_bytes(key), {1, 3}).low);
  for (size_t i = 0; i < key.size(); ++i) {
    std::string other = key;
    other[i] ^= 1;
    EXPECT_NE(hash.low, hash_key(as_bytes(other), kSeed).low) << i;
    EXPECT_NE(hash.high, hash_key(as_bytes(other), kSeed).high) << i;
  }
}

TEST(OffsetMap, KnowsTheLastOffsetOfEachKey) {
  OffsetMap map(1 << 20, 0.9, 5'000, Offset(100));
  std::map<std::string, Offset> expected;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = "key-" + std::to_string(i * 7919 % 4'999);
    ASSERT_TRUE(map.put(hash_key(as_bytes(key), kSeed), Offset(100 + i)));
    expected[key] = Offset(100 + i);
  }
  EXPECT_EQ(map.size(), expected.size());
  for (const auto& [key, offset] : expected) EXPECT_EQ(map.find(hash_key(as_bytes(key), kSeed)), offset);
  EXPECT_EQ(map.find(hash_key(as_bytes("no such key"), kSeed)), std::nullopt);
}

TEST(OffsetMap, TakesNoMoreMemoryThanItMayAndNoMoreThanItNeeds) {
  EXPECT_LE(OffsetMap(1 << 20, 0.9, UINT64_MAX, Offset(0)).memory(), size_t{1} << 20);
  EXPECT_LT(OffsetMap(1 << 30, 0.9, 100, Offset(0)).memory(), 5'000u);
}

TEST(OffsetMap, RefusesKeysThatItHasNoRoomForAndGoesOnWithThoseItHas) {
  OffsetMap map(160, 0.5, 1'000, Offset(0));  // 10 slots
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(map.put(hash_key(as_bytes(std::to_string(i)), kSeed), Offset(i)));
  EXPECT_FALSE(map.put(hash_key(as_bytes("new"), kSeed), Offset(9)));
  EXPECT_EQ(map.find(hash_key(as_bytes("new"), kSeed)), std::nullopt);
  EXPECT_TRUE(map.put(hash_key(as_bytes("3"), kSeed), Offset(10)));
  EXPECT_EQ(map.find(hash_key(as_bytes("3"), kSeed)), Offset(10));
  EXPECT_EQ(map.used(), 1.0);
}

TEST(OffsetMap, RefusesOffsetsTooFarFromItsBase) {
  OffsetMap map(1 << 10, 0.9, 1'000, Offset(5));
  const KeyHash key = hash_key(as_bytes("k"), kSeed);
  EXPECT_TRUE(map.put(key, Offset(5) + (int64_t{UINT32_MAX} - 1)));
  EXPECT_EQ(map.find(key), Offset(5) + (int64_t{UINT32_MAX} - 1));
  EXPECT_FALSE(map.put(key, Offset(5) + int64_t{UINT32_MAX}));
}

}  // namespace
}  // namespace weir::storage
