// Backoff: how long to wait before the next try. A plain state machine: randomness is handed in. Owned by whoever
// retries; one thread.
#pragma once

#include "base/seams.h"

namespace weir::protocol {

class Backoff {
 public:
  Backoff(Duration first, Duration most) : first_(first), most_(most) {}

  // The wait after one more failure: doubled with each up to the most, and spread by a fifth to both sides, so that
  // clients which failed together do not come back together.
  Duration next(Random& random);
  void reset() { failures_ = 0; }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  Duration first_;
  Duration most_;
  int failures_ = 0;
};

}  // namespace weir::protocol
