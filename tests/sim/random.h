// SimRandom: the Random of a simulated world. Everything that happens by chance comes from one of these, all of them
// seeded from the one seed of the run, so that a seed repeats. One thread.
#pragma once

#include <array>

#include "base/seams.h"

namespace weir::sim {

// xoshiro256** by Blackman and Vigna, its state filled by splitmix64.
class SimRandom final : public Random {
 public:
  explicit SimRandom(uint64_t seed);
  uint64_t next() override;

  // Uniform in [least, most].
  uint64_t between(uint64_t least, uint64_t most);
  Duration between(Duration least, Duration most);
  bool percent(uint32_t chance) { return below(100) < chance; }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace weir::sim
