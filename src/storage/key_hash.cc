#include "storage/key_hash.h"

namespace weir::storage {
namespace {

uint64_t load_le(const uint8_t* at) {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? value : std::byteswap(value);
}

struct State {
  uint64_t v0;
  uint64_t v1;
  uint64_t v2;
  uint64_t v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void take(uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  uint64_t finish() {
    for (int i = 0; i < 4; ++i) round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

KeyHash hash_key(ByteView key, const HashSeed& seed) {
  // The four constants spell "somepseudorandomlygeneratedbytes".
  State state{.v0 = seed.first ^ 0x736f6d6570736575,
              .v1 = seed.second ^ 0x646f72616e646f6d ^ 0xee,
              .v2 = seed.first ^ 0x6c7967656e657261,
              .v3 = seed.second ^ 0x7465646279746573};
  const uint8_t* at = key.data();
  size_t left = key.size();
  for (; left >= sizeof(uint64_t); left -= sizeof(uint64_t), at += sizeof(uint64_t)) state.take(load_le(at));
  uint64_t last = uint64_t{key.size()} << 56;
  for (size_t i = 0; i < left; ++i) last |= uint64_t{at[i]} << (8 * i);
  state.take(last);
  state.v2 ^= 0xee;
  const uint64_t low = state.finish();
  state.v1 ^= 0xdd;
  return {low, state.finish()};
}

}  // namespace weir::storage
