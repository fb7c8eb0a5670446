#include "protocol/crc32c.h"

#include <isa-l/crc.h>
#include <nmmintrin.h>

#include <algorithm>
#include <climits>
#include <cstring>

namespace weir::protocol {
namespace {

// Below this size ISA-L's folding by carry-less multiplication does not pay for its set-up.
constexpr size_t kFoldSizeMin = 128;

uint32_t crc32c_short(const uint8_t* at, size_t size, uint32_t state) {
  uint64_t wide = state;
  for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t), at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, at, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  auto narrow = static_cast<uint32_t>(wide);
  for (; size > 0; --size, ++at) narrow = _mm_crc32_u8(narrow, *at);
  return narrow;
}

}  // namespace

uint32_t crc32c(ByteView bytes, uint32_t before) {
  // Both ways take and give the raw shift register; the checksum is its complement.
  uint32_t state = ~before;
  if (bytes.size() < kFoldSizeMin) return ~crc32c_short(bytes.data(), bytes.size(), state);
  while (!bytes.empty()) {
    size_t part = std::min(bytes.size(), static_cast<size_t>(INT_MAX));
    // It takes a pointer to bytes that it might change, but only reads them.
    state = crc32_iscsi(const_cast<uint8_t*>(bytes.data()), static_cast<int>(part), state);
    bytes = bytes.subspan(part);
  }
  return ~state;
}

}  // namespace weir::protocol
