#include "sim/random.h"

#include <bit>

namespace weir::sim {

SimRandom::SimRandom(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15ULL;
    uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    word = mixed ^ (mixed >> 31);
  }
}

uint64_t SimRandom::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t SimRandom::between(uint64_t least, uint64_t most) {
  CHECK(least <= most);
  return least + below(most - least + 1);
}

Duration SimRandom::between(Duration least, Duration most) {
  return Duration(
      static_cast<int64_t>(between(static_cast<uint64_t>(least.count()), static_cast<uint64_t>(most.count()))));
}

}  // namespace weir::sim
