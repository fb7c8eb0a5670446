// SimLoop: a Loop of a simulated machine. The Simulation gives it its turns; in a turn it runs some of what was posted
// to it, its due timers, and the coroutines that are ready. Works of one poster run in their order; those of different
// posters are interleaved by chance.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "base/loop.h"
#include "sim/clock.h"
#include "sim/simulation.h"

namespace weir::sim {

class SimLoop final : public Loop {
 public:
  // `clock` outlives the loop.
  SimLoop(Simulation& simulation, Owner owner, ShardId shard, const SimClock& clock);
  ~SimLoop() override;

  void post(Work work) override;
  [[nodiscard]] MonotonicTime now() const override { return now_; }

  // When the next step is due, in the time of the world; in the past when it may run now, max() when nothing is to do.
  [[nodiscard]] Duration wake_time();
  void step();
  // Destroys the tasks and forgets what was posted: nothing of a crashed process runs on.
  void discard();
  // Runs `work` as part of this loop, outside a step of the simulation.
  void run_inside(const std::function<void()>& work);
  [[nodiscard]] uint32_t number() const { return number_; }

 private:
  void run_inbox();

  Simulation& simulation_;
  Owner owner_;
  const SimClock& clock_;
  uint32_t number_;
  MonotonicTime now_;
  Duration busy_until_{0};                        // a step that waited for a device keeps its loop from the next one
  std::map<uint32_t, std::deque<Work>> inboxes_;  // by the number of the posting loop; 0: others
  size_t posted_ = 0;                             // in all inboxes
};

}  // namespace weir::sim
