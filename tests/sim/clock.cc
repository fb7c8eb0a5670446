#include "sim/clock.h"

namespace weir::sim {
namespace {

// The world begins on 2026-01-01, 00:00 UTC.
constexpr Duration kWorldStart = seconds(1'767'225'600);

}  // namespace

Timestamp SimClock::wall() const {
  return Timestamp(std::chrono::duration_cast<milliseconds>(kWorldStart + simulation_.now() + wall_skew_).count());
}

}  // namespace weir::sim
