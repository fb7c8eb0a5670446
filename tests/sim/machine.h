// Machine: one computer of a simulated world, with its clocks, its randomness, its disk, its network and, while a
// process runs on it, that process's loops. The disk outlives the process.
//
// A process may die in two ways. kill(): as by `kill -9`; the kernel goes on, so everything written is there, and the
// peers' connections are reset at once. power_off(): the machine stops; what was not synced is kept, lost or torn, and
// the peers hear nothing for a while. Either may strike in the middle of a step, at any operation on the disk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/clock.h"
#include "sim/disk.h"
#include "sim/disk_threads.h"
#include "sim/loop.h"
#include "sim/network.h"

namespace weir::sim {

enum class Death : uint8_t { kKill, kPowerLoss };

class Machine {
 public:
  Machine(Simulation& simulation, Fabric& fabric, std::string host);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] bool running() const { return !loops_.empty(); }
  // True from the operation at which the process died to bury().
  [[nodiscard]] bool dying() const { return dying_; }
  SimLoop& loop(size_t shard) { return *loops_[shard]; }
  [[nodiscard]] std::vector<Loop*> loops() const;
  SimClock& clock() { return clock_; }
  SimDisk& disk() { return disk_; }
  SimDiskThreads& disk_threads() { return disk_threads_; }
  [[nodiscard]] Seams seams() { return {clock_, random_, disk_, disk_threads_, network_}; }

  // A process begins, with this many loops.
  void start(size_t shards);
  // Keeps what the process consists of; it is destroyed, in the reverse order, after the tasks of its loops.
  void keep(std::shared_ptr<void> part) { parts_.push_back(std::move(part)); }
  // The process ends, or died earlier: destroys the tasks and parts and decides what became of the disk.
  void kill() { end(Death::kKill); }
  void power_off() { end(Death::kPowerLoss); }
  // The process will die at the `count`th operation on its disk that changes something. The workload calls bury() when
  // it sees dying().
  void die_at_operation(uint64_t count, Death how);
  // It will not, unless it has.
  void do_not_die() { disk_.die_at_operation(0, nullptr); }
  void bury() { end(death_); }
  // How it will die, or died.
  [[nodiscard]] Death death() const { return death_; }

 private:
  void end(Death how);

  Simulation& simulation_;
  Fabric& fabric_;
  std::string host_;
  Owner owner_;
  SimClock clock_;
  SimRandom random_;
  SimDisk disk_;
  SimDiskThreads disk_threads_;
  SimNetwork network_;
  std::vector<std::unique_ptr<SimLoop>> loops_;
  std::vector<std::shared_ptr<void>> parts_;
  bool dying_ = false;
  Death death_ = Death::kKill;
};

}  // namespace weir::sim
