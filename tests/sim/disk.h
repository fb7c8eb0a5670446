// SimDisk: the file system of one machine, in memory. It keeps two versions of everything: what running programs see
// (the page cache) and what would be found after the power is cut. A sync carries the first into the second.
//
// At a power loss each write since the last sync of its file is kept, lost or torn at a byte, by chance; size changes
// of one file are journalled in order, so from one of them on all later changes of that file may be lost. Each change
// of a name since the last sync of its directory is kept or lost; in some worlds in order (as ext4 does), in others
// independently (as POSIX allows). A killed process loses none of this, except that its last write may be torn.
//
// Now and then pages leave the page cache, and all of them with the power. A loop that reads such a page, or syncs,
// would stand still until the device answers: that breaks the invariant LoopNeverWaitsForADisk. (What is not modelled:
// a write into a part of a page that is not cached, which reads it, and names, which are always cached.)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/seams.h"
#include "sim/clock.h"
#include "sim/inode.h"
#include "sim/simulation.h"

namespace weir::sim {

// What goes wrong, and how slow things are; changed at any time by a workload.
struct DiskConditions {
  uint64_t capacity = uint64_t{1} << 40;  // bytes
  Duration write_time_max = microseconds(20);
  Duration sync_time_min = microseconds(50);
  Duration sync_time_max = milliseconds(2);
  uint32_t read_error_percent = 0;
  uint32_t write_error_percent = 0;
  uint32_t sync_error_percent = 0;
  uint32_t eviction_percent = 3;        // of the reads and writes
  Duration eviction_age = seconds(20);  // of a page that is evicted, since its last use: more than weir relies on
  std::string failing_below;            // errors come only below this path; "" everywhere
  bool sync_does_nothing = false;       // a lying device: for tests of the invariants only
};

class SimDisk final : public Disk {
 public:
  SimDisk(Simulation& simulation, const SimClock& clock);

  Result<std::shared_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<FileInfo> stat(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& directory) override;
  Result<> create_directories(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> remove_recursively(const std::string& path) override;
  Result<> sync_directory(const std::string& path) override;
  Result<> make_read_only(const std::string& path) override;
  Result<> set_modified(const std::string& path, Timestamp modified) override;
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override;
  Result<Space> space(const std::string& path) override;

  DiskConditions& conditions() { return conditions_; }
  // The process dies in the middle of the `count`th write, sync or change of a name from now (1: the next one): that
  // write is torn, and nothing it asks for afterwards happens. `die` is called at that point.
  void die_at_operation(uint64_t count, std::function<void()> die);
  [[nodiscard]] uint64_t used() const;

  // For the machine. Nothing that the process asks for from now on happens.
  void halt() { dead_ = true; }
  // The open files and locks of the process are gone.
  void process_ended();
  // As process_ended, and what was not synced is kept, lost or torn.
  void power_lost();
  [[nodiscard]] bool dead() const { return dead_; }

 private:
  friend class SimFile;
  friend class SimDirectoryLock;
  struct Place {
    std::shared_ptr<Inode> directory;
    std::string name;
  };

  Result<std::shared_ptr<Inode>> find(const std::string& path);
  Result<Place> place_of(const std::string& path);
  std::shared_ptr<Inode> new_inode(bool directory);
  // Counts an operation that changes something; true when the process has died at it.
  bool dies_now();
  Result<> changes_names(std::string_view action, const std::string& path);
  bool fails(uint32_t percent, const std::string& path);
  void record(std::shared_ptr<NameChange> change);
  Result<> write(Inode& inode, const std::string& path, uint64_t position, std::span<const ByteView> parts);
  bool kernel_writes_back();
  void evict_some();
  // The running code waits for the device: a loop must not.
  void wait_for_device(std::string_view action, const std::string& path);
  void settle_names();
  static void count_names(Inode& directory);

  Simulation& simulation_;
  const SimClock& clock_;
  DiskConditions conditions_;
  std::shared_ptr<Inode> root_;
  // Every inode that lives; those of files without a name go when they are closed.
  std::vector<std::weak_ptr<Inode>> inodes_;
  std::vector<std::shared_ptr<NameChange>> unsynced_names_;  // in order
  std::set<std::string> locks_;
  uint64_t process_ = 0;  // counts the processes that used this disk: a handle of an earlier one is dead
  uint64_t operations_left_ = 0;
  std::function<void()> die_;
  bool dead_ = false;
};

}  // namespace weir::sim
