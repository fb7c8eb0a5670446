// CRC-32C (Castagnoli), the checksum of record batches and producer snapshots, by the CPU's instructions. Stateless;
// any thread.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace weir::protocol {

// The checksum of `bytes`, or of what came before with checksum `before` followed by `bytes`.
uint32_t crc32c(ByteView bytes, uint32_t before = 0);

}  // namespace weir::protocol
