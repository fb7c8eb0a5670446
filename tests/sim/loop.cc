#include "sim/loop.h"

namespace weir::sim {

SimLoop::SimLoop(Simulation& simulation, Owner owner, ShardId shard, const SimClock& clock)
    : Loop(shard),
      simulation_(simulation),
      owner_(owner),
      clock_(clock),
      number_(simulation.new_owner()),
      now_(clock.monotonic()) {
  simulation_.add_loop(*this);
}

SimLoop::~SimLoop() {
  discard();
  simulation_.remove_loop(*this);
}

void SimLoop::post(Work work) {
  // Only SimLoops run in a simulation.
  const auto* poster = static_cast<const SimLoop*>(Loop::current_or_null());
  const uint32_t from = poster == nullptr ? 0 : poster->number_;
  auto deliver = [this, from, work = std::move(work)]() mutable {
    inboxes_[from].push_back(std::move(work));
    ++posted_;
  };
  // A disk thread posts its result when the device is done. (A loop's posts are not held back: they would fall behind
  // those of its next step.)
  if (poster == nullptr && simulation_.spent() > Duration::zero()) {
    simulation_.after(simulation_.spent(), owner_, std::move(deliver));
  } else {
    deliver();
  }
}

Duration SimLoop::wake_time() {
  const Duration due = posted_ > 0 || !is_idle() ? Duration::zero() : clock_.world_time(timers().next_deadline());
  return std::max(due, busy_until_);
}

void SimLoop::run_inbox() {
  // Now and then a turn ends early: what arrived together need not be seen together.
  const size_t turn = simulation_.random().percent(25) ? simulation_.random().below(posted_ + 1) : posted_;
  for (size_t i = 0; i < turn; ++i) {
    auto inbox = std::next(inboxes_.begin(), static_cast<ptrdiff_t>(simulation_.random().below(inboxes_.size())));
    Work work = std::move(inbox->second.front());
    inbox->second.pop_front();
    if (inbox->second.empty()) inboxes_.erase(inbox);
    --posted_;
    work();
  }
}

void SimLoop::step() {
  Scope scope(*this);
  now_ = clock_.monotonic();
  if (posted_ > 0) run_inbox();
  timers().expire(now_);
  // Now and then what goes last does not wait for the rest, as under a load that never ends.
  if ((!run_ready() && posted_ == 0) || simulation_.random().percent(10)) run_last();
  busy_until_ = simulation_.now() + simulation_.spent();
}

void SimLoop::discard() {
  clear();
  Scope scope(*this);
  auto dropped = std::move(inboxes_);
  inboxes_.clear();
  posted_ = 0;
}

void SimLoop::run_inside(const std::function<void()>& work) {
  Scope scope(*this);
  now_ = clock_.monotonic();
  work();
}

}  // namespace weir::sim
