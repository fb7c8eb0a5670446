#include "protocol/connection/backoff.h"

#include <algorithm>

namespace weir::protocol {

Duration Backoff::next(Random& random) {
  Duration wait = first_;
  for (int i = 0; i < failures_ && wait < most_; ++i) wait *= 2;
  wait = std::min(wait, most_);
  ++failures_;
  const auto spread = static_cast<uint64_t>(std::max<int64_t>(wait.count() * 2 / 5, 1));
  return wait - wait / 5 + Duration(random.below(spread));
}

}  // namespace weir::protocol
