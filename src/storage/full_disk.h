// What all that finds no room on the disk (Errc::kNoSpace) has in common: it waits and tries again.
#pragma once

#include "base/time.h"

namespace weir::storage {

// Between attempts. Short beside the time in which somebody makes room, long beside an attempt.
constexpr Duration kFullDiskRetryInterval = seconds(1);

}  // namespace weir::storage
