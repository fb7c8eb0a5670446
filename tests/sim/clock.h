// SimClock: the clocks of one machine over the one virtual time. Both run at the same rate as the world but are off by
// a skew of the machine's own; the wall clock may jump.
#pragma once

#include "base/seams.h"
#include "sim/simulation.h"

namespace weir::sim {

class SimClock final : public Clock {
 public:
  SimClock(const Simulation& simulation, Duration monotonic_skew, Duration wall_skew)
      : simulation_(simulation), monotonic_skew_(monotonic_skew), wall_skew_(wall_skew) {}

  [[nodiscard]] MonotonicTime monotonic() const override { return MonotonicTime(simulation_.now() + monotonic_skew_); }
  [[nodiscard]] Timestamp wall() const override;
  void jump_wall(Duration by) { wall_skew_ += by; }
  // The time of the world at which monotonic() will read `time`.
  [[nodiscard]] Duration world_time(MonotonicTime time) const {
    return time == kNever ? Duration::max() : time.time_since_epoch() - monotonic_skew_;
  }

 private:
  const Simulation& simulation_;
  Duration monotonic_skew_;
  Duration wall_skew_;
};

}  // namespace weir::sim
