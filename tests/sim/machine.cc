#include "sim/machine.h"

namespace weir::sim {
namespace {

// How far the clocks of machines are apart. Monotonic clocks have nothing in common anyway.
constexpr Duration kMonotonicSkewMax = std::chrono::hours(24 * 30);
constexpr Duration kWallSkewMax = milliseconds(500);

}  // namespace

Machine::Machine(Simulation& simulation, Fabric& fabric, std::string host)
    : simulation_(simulation),
      fabric_(fabric),
      host_(std::move(host)),
      owner_(simulation.new_owner()),
      clock_(simulation, simulation.random().between(Duration::zero(), kMonotonicSkewMax),
             simulation.random().between(Duration::zero(), kWallSkewMax)),
      random_(simulation.random().next()),
      disk_(simulation, clock_),
      disk_threads_(simulation, owner_),
      network_(fabric, host_) {}

Machine::~Machine() {
  if (running()) kill();
}

std::vector<Loop*> Machine::loops() const {
  std::vector<Loop*> loops;
  for (const auto& loop : loops_) loops.push_back(loop.get());
  return loops;
}

void Machine::start(size_t shards) {
  CHECK(!running());
  for (size_t i = 0; i < shards; ++i) {
    loops_.push_back(std::make_unique<SimLoop>(simulation_, owner_, ShardId(static_cast<uint32_t>(i)), clock_));
  }
  fabric_.host_up(host_);
}

void Machine::die_at_operation(uint64_t count, Death how) {
  death_ = how;
  disk_.die_at_operation(count, [this] {
    dying_ = true;
    fabric_.host_dying(host_);
  });
}

void Machine::end(Death how) {
  CHECK(running());
  // First nothing more gets out of the machine, then its memory goes.
  fabric_.host_down(host_, how == Death::kKill ? Fabric::Down::kProcess : Fabric::Down::kMachine);
  disk_.halt();
  for (auto& loop : loops_) loop->discard();
  simulation_.drop_events(owner_);
  loops_.front()->run_inside([this] {
    while (!parts_.empty()) parts_.pop_back();
  });
  // What the destructors left behind.
  for (auto& loop : loops_) loop->discard();
  simulation_.drop_events(owner_);
  loops_.clear();
  dying_ = false;
  if (how == Death::kKill) {
    disk_.process_ended();
  } else {
    disk_.power_lost();
  }
}

}  // namespace weir::sim
