// The hash that compaction tells keys apart by: SipHash-2-4 with 128 bits. Two keys with one hash would make one of
// them vanish, so the seed must be random: nobody can then make such keys on purpose. Stateless; any thread. Why no key
// is compared: docs/decisions/0009-hashes-stand-for-keys.md.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace weir::storage {

struct HashSeed {
  uint64_t first;
  uint64_t second;
};

struct KeyHash {
  uint64_t low;
  uint64_t high;
};

KeyHash hash_key(ByteView key, const HashSeed& seed);

}  // namespace weir::storage
