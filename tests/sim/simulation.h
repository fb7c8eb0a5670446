// Simulation: a whole world on one thread, from one seed. It owns virtual time, the queue of what is to happen, and the
// choice of which loop takes the next step. Time passes only between steps and stands still while nothing happens, so a
// minute of waiting costs nothing. The same seed gives the same run, step by step; trace_hash() is how that is shown.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "sim/random.h"

namespace weir::sim {

class SimLoop;

// Whose events: they are dropped together when their owner crashes. 0 is the world.
using Owner = uint32_t;
inline constexpr Owner kWorld = 0;

class Simulation {
 public:
  explicit Simulation(uint64_t seed);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  [[nodiscard]] uint64_t seed() const { return seed_; }
  SimRandom& random() { return random_; }
  // Since the start of the world.
  [[nodiscard]] Duration now() const { return now_; }

  Owner new_owner() { return ++owners_; }
  // Runs `work` when `delay` has passed; works of one time run in the order of these calls.
  void after(Duration delay, Owner owner, Work work);
  void drop_events(Owner owner);

  // Lets one loop, or one event that is due, have its turn. False when nothing will ever happen again.
  bool step();
  // Steps until `done`, a failure, the end of all events, or `limit` of virtual time from now. Returns done().
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration duration);
  // Called after every step.
  void after_each_step(std::function<void()> check) { checks_.push_back(std::move(check)); }

  // Time that the running step or disk work spends waiting for a device: what it posts arrives later by as much.
  void spend(Duration cost) { spent_ += cost; }
  [[nodiscard]] Duration spent() const { return spent_; }

  // The first failure ends the run. `invariant` is the name of what was broken.
  void fail(std::string invariant, std::string message);
  [[nodiscard]] bool failed() const { return !failure_.empty(); }
  [[nodiscard]] const std::string& failure() const { return failure_; }

  // A line of what happened, for people and for the comparison of runs.
  template <class... Args>
  void trace(fmt::format_string<Args...> format, Args&&... args) {
    trace_line(fmt::format(format, std::forward<Args>(args)...));
  }
  void print_trace(bool print) { print_trace_ = print; }
  [[nodiscard]] uint64_t trace_hash() const { return trace_hash_; }
  [[nodiscard]] uint64_t steps() const { return steps_; }

 private:
  friend class SimLoop;
  struct Event {
    Owner owner;
    Work work;
  };

  void add_loop(SimLoop& loop);
  void remove_loop(SimLoop& loop);
  void gather_runnable();
  [[nodiscard]] bool advance_time();
  void run_event();
  void trace_line(const std::string& line);
  void mix(uint64_t value);

  uint64_t seed_;
  SimRandom random_;
  Duration now_{0};
  Duration spent_{0};
  Owner owners_ = kWorld;
  uint64_t sequence_ = 0;
  uint64_t steps_ = 0;
  std::map<std::pair<Duration, uint64_t>, Event> events_;
  std::vector<SimLoop*> loops_;
  std::vector<SimLoop*> runnable_;  // of the step being chosen; nullptr stands for the events
  std::vector<std::function<void()>> checks_;
  uint64_t trace_hash_ = 0xcbf29ce484222325ULL;
  bool print_trace_ = false;
  std::string failure_;
};

}  // namespace weir::sim
