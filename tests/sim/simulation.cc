#include "sim/simulation.h"

#include <algorithm>
#include <cstdio>

#include "sim/loop.h"

namespace weir::sim {
namespace {

// A step of a loop takes some time, so that a loop which never rests does not stop the clock.
constexpr Duration kStepCostMax = microseconds(20);

}  // namespace

Simulation::Simulation(uint64_t seed) : seed_(seed), random_(seed) {}

void Simulation::after(Duration delay, Owner owner, Work work) {
  CHECK(delay >= Duration::zero());
  events_.emplace(std::pair(now_ + delay, sequence_++), Event{owner, std::move(work)});
}

void Simulation::drop_events(Owner owner) {
  // The works are destroyed after they are taken out: their destructors may add or drop others.
  std::vector<Work> dropped;
  for (auto event = events_.begin(); event != events_.end();) {
    if (event->second.owner == owner) {
      dropped.push_back(std::move(event->second.work));
      event = events_.erase(event);
    } else {
      ++event;
    }
  }
}

void Simulation::add_loop(SimLoop& loop) { loops_.push_back(&loop); }

void Simulation::remove_loop(SimLoop& loop) { std::erase(loops_, &loop); }

void Simulation::gather_runnable() {
  runnable_.clear();
  if (!events_.empty() && events_.begin()->first.first <= now_) runnable_.push_back(nullptr);
  for (SimLoop* loop : loops_) {
    if (loop->wake_time() <= now_) runnable_.push_back(loop);
  }
}

bool Simulation::advance_time() {
  Duration next = Duration::max();
  if (!events_.empty()) next = events_.begin()->first.first;
  for (SimLoop* loop : loops_) next = std::min(next, loop->wake_time());
  if (next == Duration::max()) return false;
  now_ = std::max(now_, next);
  return true;
}

void Simulation::run_event() {
  auto first = events_.begin();
  mix(first->first.second);
  Work work = std::move(first->second.work);
  events_.erase(first);
  work();
}

bool Simulation::step() {
  gather_runnable();
  if (runnable_.empty()) {
    if (!advance_time()) return false;
    gather_runnable();
  }
  SimLoop* loop = runnable_[random_.below(runnable_.size())];
  ++steps_;
  mix(static_cast<uint64_t>(now_.count()));
  spent_ = Duration::zero();
  if (loop == nullptr) {
    run_event();
  } else {
    mix(loop->number());
    loop->step();
    now_ += random_.between(Duration::zero(), kStepCostMax);
  }
  spent_ = Duration::zero();
  for (const auto& check : checks_) check();
  return true;
}

bool Simulation::run_until(const std::function<bool()>& done, Duration limit) {
  const Duration end = now_ + limit;
  while (!done()) {
    if (failed() || now_ >= end || !step()) return done();
  }
  return true;
}

void Simulation::run_for(Duration duration) {
  // An event of its own ends the run at its time even when nothing else happens.
  auto over = std::make_shared<bool>(false);
  after(duration, kWorld, [over] { *over = true; });
  while (!*over && !failed()) step();
}

void Simulation::fail(std::string invariant, std::string message) {
  if (failed()) return;
  failure_ = invariant + ": " + message;
  trace("FAILED {}", failure_);
}

void Simulation::trace_line(const std::string& line) {
  for (char c : line) mix(static_cast<uint8_t>(c));
  if (print_trace_) {
    std::printf("%12.6f %s\n", static_cast<double>(now_.count()) / 1e9, line.c_str());
    std::fflush(stdout);
  }
}

void Simulation::mix(uint64_t value) { trace_hash_ = (trace_hash_ ^ value) * 0x100000001b3ULL; }

}  // namespace weir::sim
