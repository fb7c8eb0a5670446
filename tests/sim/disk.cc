#include "sim/disk.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::sim {
namespace {

// How often, per change, the kernel writes what is unsynced to the device of its own accord. It also keeps the lists of
// unsynced changes short.
constexpr uint32_t kWriteBackPercent = 1;

std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names;
  size_t start = 0;
  while (start <= path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    std::string name = path.substr(start, end - start);
    if (!name.empty() && name != ".") names.push_back(std::move(name));
    start = end + 1;
  }
  return names;
}

std::unexpected<Error> failed(Errc code, std::string_view action, const std::string& path, std::string_view why) {
  return fail(code, fmt::format("cannot {} {}: {}", action, path, why));
}

FileInfo info_of(std::string name, const Inode& inode) {
  return {.name = std::move(name),
          .is_directory = inode.is_directory,
          .size = inode.is_directory ? 0 : inode.seen.size(),
          .modified = inode.modified};
}

}  // namespace

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<Inode> inode, std::string path, bool may_write)
      : disk_(disk), inode_(std::move(inode)), path_(std::move(path)), may_write_(may_write), process_(disk.process_) {
    ++inode_->handles;
  }
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;
  ~SimFile() override { --inode_->handles; }

  Result<size_t> read_at(uint64_t position, MutableBytes into) override {
    TRY(usable("read"));
    disk_.evict_some();
    if (inode_->cached_length(position, into.size()) < into.size()) disk_.wait_for_device("read", path_);
    return read_cached(position, into);
  }

  Result<size_t> read_now(uint64_t position, MutableBytes into) override {
    TRY(usable("read"));
    disk_.evict_some();
    if (inode_->cached_length(position, into.size()) < into.size()) return failed(Errc::kWouldBlock, "read", path_, "");
    return read_cached(position, into);
  }

  uint64_t cached_length(uint64_t position, uint64_t length) override {
    disk_.evict_some();
    const uint64_t cached = inode_->cached_length(position, length);
    // What is evicted between this and the sending makes a loop wait; that is accepted, and so not looked for.
    inode_->note_use(position, cached, disk_.simulation_.now());
    return cached;
  }

  Result<> write_at(uint64_t position, std::span<const ByteView> parts) override {
    TRY(usable("write"));
    if (!may_write_) return failed(Errc::kIo, "write", path_, "opened to read");
    return disk_.write(*inode_, path_, position, parts);
  }

  Result<> truncate(uint64_t size) override {
    TRY(usable("truncate"));
    if (!may_write_) return failed(Errc::kIo, "truncate", path_, "opened to read");
    if (disk_.dies_now()) return failed(Errc::kIo, "truncate", path_, "the process died");
    inode_->change(Resize{size});
    inode_->cached.erase(inode_->cached.lower_bound((size + SparseBytes::kPageSize - 1) / SparseBytes::kPageSize),
                         inode_->cached.end());
    inode_->modified = disk_.clock_.wall();
    return {};
  }

  Result<uint64_t> size() override {
    TRY(usable("stat"));
    return inode_->seen.size();
  }

  Result<> sync() override {
    TRY(usable("sync"));
    SimDisk& disk = disk_;
    // What a write left that found no room is cut off and synced where it stands, when a segment ends just then.
    if (disk.conditions_.capacity == DiskConditions{}.capacity) disk.wait_for_device("sync", path_);
    disk.simulation_.spend(
        disk.simulation_.random().between(disk.conditions_.sync_time_min, disk.conditions_.sync_time_max));
    if (disk.dies_now()) return failed(Errc::kIo, "sync", path_, "the process died");
    if (disk.fails(disk.conditions_.sync_error_percent, path_)) return failed(Errc::kIo, "sync", path_, "i/o error");
    if (!disk.conditions_.sync_does_nothing) inode_->sync();
    return {};
  }

  void will_need(uint64_t, uint64_t) override {}

 private:
  Result<size_t> read_cached(uint64_t position, MutableBytes into) {
    if (disk_.fails(disk_.conditions_.read_error_percent, path_)) return failed(Errc::kIo, "read", path_, "i/o error");
    inode_->note_use(position, into.size(), disk_.simulation_.now());
    return inode_->seen.read(position, into);
  }
  Result<> usable(std::string_view action) const {
    if (disk_.dead() || process_ != disk_.process_) return failed(Errc::kIo, action, path_, "the process died");
    return {};
  }

  SimDisk& disk_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
  bool may_write_;
  uint64_t process_;
};

class SimDirectoryLock final : public DirectoryLock {
 public:
  SimDirectoryLock(SimDisk& disk, std::string path) : disk_(disk), path_(std::move(path)), process_(disk.process_) {}
  SimDirectoryLock(const SimDirectoryLock&) = delete;
  SimDirectoryLock& operator=(const SimDirectoryLock&) = delete;
  ~SimDirectoryLock() override {
    if (process_ == disk_.process_) disk_.locks_.erase(path_);
  }

 private:
  SimDisk& disk_;
  std::string path_;
  uint64_t process_;
};

SimDisk::SimDisk(Simulation& simulation, const SimClock& clock) : simulation_(simulation), clock_(clock) {
  root_ = new_inode(true);
}

std::shared_ptr<Inode> SimDisk::new_inode(bool directory) {
  auto inode = std::make_shared<Inode>();
  inode->is_directory = directory;
  inode->modified = clock_.wall();
  std::erase_if(inodes_, [](const std::weak_ptr<Inode>& known) { return known.expired(); });
  inodes_.push_back(inode);
  return inode;
}

Result<std::shared_ptr<Inode>> SimDisk::find(const std::string& path) {
  if (dead_) return failed(Errc::kIo, "find", path, "the process died");
  std::shared_ptr<Inode> inode = root_;
  for (const std::string& name : names_of(path)) {
    const auto entry = inode->names_seen.find(name);
    if (entry == inode->names_seen.end()) return failed(Errc::kNotFound, "find", path, "no such file or directory");
    inode = entry->second;
  }
  return inode;
}

Result<SimDisk::Place> SimDisk::place_of(const std::string& path) {
  if (dead_) return failed(Errc::kIo, "find", path, "the process died");
  std::vector<std::string> names = names_of(path);
  if (names.empty()) return failed(Errc::kInvalidArgument, "change", path, "it is the root");
  std::shared_ptr<Inode> inode = root_;
  for (size_t i = 0; i + 1 < names.size(); ++i) {
    const auto entry = inode->names_seen.find(names[i]);
    if (entry == inode->names_seen.end() || !entry->second->is_directory) {
      return failed(Errc::kNotFound, "find", path, "no such directory");
    }
    inode = entry->second;
  }
  return Place{std::move(inode), std::move(names.back())};
}

bool SimDisk::dies_now() {
  if (operations_left_ == 0 || --operations_left_ > 0) return false;
  dead_ = true;
  die_();
  return true;
}

bool SimDisk::fails(uint32_t percent, const std::string& path) {
  return percent > 0 && path.starts_with(conditions_.failing_below) && simulation_.random().percent(percent);
}

Result<> SimDisk::changes_names(std::string_view action, const std::string& path) {
  if (dies_now()) return failed(Errc::kIo, action, path, "the process died");
  if (fails(conditions_.write_error_percent, path)) return failed(Errc::kIo, action, path, "i/o error");
  return {};
}

void SimDisk::record(std::shared_ptr<NameChange> change) {
  if (change->gone) {
    change->gone->directory->names_seen.erase(change->gone->name);
    --change->inode->names;
  }
  if (change->come) {
    std::shared_ptr<Inode>& entry = change->come->directory->names_seen[change->come->name];
    if (entry) --entry->names;
    entry = change->inode;
    ++entry->names;
  }
  unsynced_names_.push_back(std::move(change));
  if (!kernel_writes_back()) return;
  for (const auto& unsynced : unsynced_names_) unsynced->make_durable();
  unsynced_names_.clear();
}

void SimDisk::evict_some() {
  SimRandom& random = simulation_.random();
  if (!random.percent(conditions_.eviction_percent)) return;
  const auto inode = inodes_[random.below(inodes_.size())].lock();
  if (!inode || inode->cached.empty()) return;
  // From somewhere on all that is old enough, or here and there a page.
  const uint64_t from = random.below(inode->cached.rbegin()->first + 1);
  const uint32_t share = random.percent(50) ? 100 : 30;
  const Duration youngest = simulation_.now() - conditions_.eviction_age;
  std::erase_if(inode->cached, [&](const auto& page) {
    return page.first >= from && page.second <= youngest && random.percent(share);
  });
}

void SimDisk::wait_for_device(std::string_view action, const std::string& path) {
  if (Loop::current_or_null() == nullptr) return;
  simulation_.fail("LoopNeverWaitsForADisk", fmt::format("a loop would wait for the device to {} {}", action, path));
}

bool SimDisk::kernel_writes_back() { return simulation_.random().percent(kWriteBackPercent); }

Result<std::shared_ptr<File>> SimDisk::open(const std::string& path, OpenMode mode) {
  TRY_ASSIGN(Place place, place_of(path));
  const auto entry = place.directory->names_seen.find(place.name);
  const bool present = entry != place.directory->names_seen.end();
  const bool must_exist = mode == OpenMode::kRead || mode == OpenMode::kReadWrite;
  if (!present && must_exist) return failed(Errc::kNotFound, "open", path, "no such file");
  if (present && mode == OpenMode::kCreateNew) return failed(Errc::kAlreadyExists, "open", path, "it exists");
  std::shared_ptr<Inode> inode = present ? entry->second : nullptr;
  if (present && inode->is_directory) return failed(Errc::kIo, "open", path, "is a directory");
  const bool may_write = mode != OpenMode::kRead;
  if (present && inode->read_only && may_write) return failed(Errc::kIo, "open", path, "permission denied");
  if (!present) {
    TRY(changes_names("create", path));
    if (used() >= conditions_.capacity) return failed(Errc::kNoSpace, "create", path, "no space left on device");
    inode = new_inode(false);
    record(std::make_shared<NameChange>(std::nullopt, NameChange::Side{place.directory, place.name}, inode));
  } else if (mode == OpenMode::kTruncate) {
    if (dies_now()) return failed(Errc::kIo, "truncate", path, "the process died");
    inode->change(Resize{0});
  }
  return std::make_shared<SimFile>(*this, std::move(inode), path, may_write);
}

Result<> SimDisk::write(Inode& inode, const std::string& path, uint64_t position, std::span<const ByteView> parts) {
  ByteVector bytes;
  for (const ByteView part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
  simulation_.spend(simulation_.random().between(Duration::zero(), conditions_.write_time_max));
  inode.modified = clock_.wall();
  size_t written = bytes.size();
  std::optional<std::unexpected<Error>> error;
  if (dies_now()) {
    written = simulation_.random().below(bytes.size() + 1);
    error = failed(Errc::kIo, "write", path, "the process died");
  } else if (fails(conditions_.write_error_percent, path)) {
    written = simulation_.random().below(bytes.size() + 1);
    error = failed(Errc::kIo, "write", path, "i/o error");
  } else if (inode.seen.missing(position, bytes.size()) > 0) {
    const uint64_t in_use = used();
    const uint64_t room = conditions_.capacity > in_use ? conditions_.capacity - in_use : 0;
    if (inode.seen.missing(position, bytes.size()) > room) {
      while (written > 0 && inode.seen.missing(position, written) > room) {
        written -= std::min<size_t>(written, SparseBytes::kPageSize);
      }
      error = failed(Errc::kNoSpace, "write", path, "no space left on device");
    }
  }
  bytes.resize(written);
  if (written > 0) inode.change(Write{position, std::move(bytes)});
  inode.note_use(position, written, simulation_.now());
  evict_some();
  if (kernel_writes_back()) inode.sync();
  if (error) return *error;
  return {};
}

Result<FileInfo> SimDisk::stat(const std::string& path) {
  TRY_ASSIGN(auto inode, find(path));
  const std::vector<std::string> names = names_of(path);
  return info_of(names.empty() ? "/" : names.back(), *inode);
}

Result<std::vector<FileInfo>> SimDisk::list(const std::string& directory) {
  TRY_ASSIGN(auto inode, find(directory));
  if (!inode->is_directory) return failed(Errc::kIo, "list", directory, "not a directory");
  std::vector<FileInfo> found;
  for (const auto& [name, entry] : inode->names_seen) found.push_back(info_of(name, *entry));
  // No order is promised: nobody shall rely on one.
  for (size_t i = found.size(); i > 1; --i) std::swap(found[i - 1], found[simulation_.random().below(i)]);
  return found;
}

Result<> SimDisk::create_directories(const std::string& path) {
  if (dead_) return failed(Errc::kIo, "create", path, "the process died");
  std::shared_ptr<Inode> inode = root_;
  for (const std::string& name : names_of(path)) {
    const auto entry = inode->names_seen.find(name);
    if (entry == inode->names_seen.end()) {
      TRY(changes_names("create", path));
      if (used() >= conditions_.capacity) return failed(Errc::kNoSpace, "create", path, "no space left on device");
      auto made = new_inode(true);
      record(std::make_shared<NameChange>(std::nullopt, NameChange::Side{inode, name}, made));
      inode = std::move(made);
    } else if (!entry->second->is_directory) {
      return failed(Errc::kAlreadyExists, "create", path, "a file is in the way");
    } else {
      inode = entry->second;
    }
  }
  return {};
}

Result<> SimDisk::rename(const std::string& from, const std::string& to) {
  TRY_ASSIGN(Place source, place_of(from));
  TRY_ASSIGN(Place target, place_of(to));
  const auto entry = source.directory->names_seen.find(source.name);
  if (entry == source.directory->names_seen.end()) return failed(Errc::kNotFound, "rename", from, "no such file");
  const auto replaced = target.directory->names_seen.find(target.name);
  if (replaced != target.directory->names_seen.end() && replaced->second->is_directory &&
      !replaced->second->names_seen.empty()) {
    return failed(Errc::kAlreadyExists, "rename", from, to + " is a directory that is not empty");
  }
  TRY(changes_names("rename", from));
  record(std::make_shared<NameChange>(NameChange::Side{source.directory, source.name},
                                      NameChange::Side{target.directory, target.name}, entry->second));
  return {};
}

Result<> SimDisk::remove(const std::string& path) {
  TRY_ASSIGN(Place place, place_of(path));
  const auto entry = place.directory->names_seen.find(place.name);
  if (entry == place.directory->names_seen.end()) return failed(Errc::kNotFound, "remove", path, "no such file");
  if (!entry->second->names_seen.empty()) return failed(Errc::kIo, "remove", path, "the directory is not empty");
  TRY(changes_names("remove", path));
  record(std::make_shared<NameChange>(NameChange::Side{place.directory, place.name}, std::nullopt, entry->second));
  return {};
}

Result<> SimDisk::remove_recursively(const std::string& path) {
  Result<std::shared_ptr<Inode>> inode = find(path);
  if (!inode && inode.error().code == Errc::kNotFound) return {};
  if (!inode) return std::unexpected(inode.error());
  std::vector<std::string> names;
  for (const auto& [name, entry] : (*inode)->names_seen) names.push_back(name);
  for (const std::string& name : names) TRY(remove_recursively(path + "/" + name));
  return remove(path);
}

Result<> SimDisk::sync_directory(const std::string& path) {
  TRY_ASSIGN(auto directory, find(path));
  wait_for_device("sync", path);
  simulation_.spend(simulation_.random().between(conditions_.sync_time_min, conditions_.sync_time_max));
  if (dies_now()) return failed(Errc::kIo, "sync", path, "the process died");
  if (fails(conditions_.sync_error_percent, path)) return failed(Errc::kIo, "sync", path, "i/o error");
  if (conditions_.sync_does_nothing) return {};
  std::erase_if(unsynced_names_, [&](const std::shared_ptr<NameChange>& change) {
    if (!change->touches(*directory)) return false;
    change->make_durable();
    return true;
  });
  return {};
}

Result<> SimDisk::make_read_only(const std::string& path) {
  TRY_ASSIGN(auto inode, find(path));
  inode->read_only = true;
  return {};
}

Result<> SimDisk::set_modified(const std::string& path, Timestamp modified) {
  TRY_ASSIGN(auto inode, find(path));
  inode->modified = modified;
  return {};
}

Result<std::unique_ptr<DirectoryLock>> SimDisk::lock(const std::string& path) {
  TRY(open(path + "/.lock", OpenMode::kCreate));
  if (!locks_.insert(path).second) return failed(Errc::kBusy, "lock", path, "another process uses this directory");
  return std::make_unique<SimDirectoryLock>(*this, path);
}

Result<Disk::Space> SimDisk::space(const std::string& path) {
  TRY(find(path));
  const uint64_t in_use = used();
  return Space{.available = conditions_.capacity > in_use ? conditions_.capacity - in_use : 0,
               .total = conditions_.capacity};
}

void SimDisk::die_at_operation(uint64_t count, std::function<void()> die) {
  operations_left_ = count;
  die_ = std::move(die);
}

uint64_t SimDisk::used() const {
  uint64_t total = 0;
  for (const auto& known : inodes_) {
    const auto inode = known.lock();
    if (inode && (inode->names > 0 || inode->handles > 0)) total += inode->seen.allocated();
  }
  return total;
}

void SimDisk::process_ended() {
  ++process_;
  locks_.clear();
  dead_ = false;
  operations_left_ = 0;
  die_ = nullptr;
}

void SimDisk::settle_names() {
  SimRandom& random = simulation_.random();
  const bool in_order = random.percent(50);
  const size_t kept_in_order = random.below(unsynced_names_.size() + 1);
  for (size_t i = 0; i < unsynced_names_.size(); ++i) {
    if (in_order ? i < kept_in_order : random.percent(50)) unsynced_names_[i]->make_durable();
  }
  unsynced_names_.clear();
}

void SimDisk::power_lost() {
  process_ended();
  settle_names();
  for (const auto& known : inodes_) {
    const auto inode = known.lock();
    if (!inode) continue;
    inode->names = 0;
    if (inode->is_directory) {
      inode->names_seen = inode->names_durable;
    } else {
      inode->settle(simulation_.random());
    }
  }
  count_names(*root_);
}

void SimDisk::count_names(Inode& directory) {
  for (auto& [name, entry] : directory.names_seen) {
    ++entry->names;
    if (entry->is_directory) count_names(*entry);
  }
}

}  // namespace weir::sim
