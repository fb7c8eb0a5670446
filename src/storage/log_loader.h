// LogLoader: brings a log up from its folder: finishes what a crash interrupted, opens the segments, recovers what may
// be torn, and works out the log's start, end, epochs and producers. Used once, by Log::open(), on a disk thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "storage/log.h"

namespace weir::storage {

class LogLoader {
 public:
  LogLoader(Log& log, const LogOptions& options) : log_(log), options_(options), disk_(options.disk) {}
  Result<> load();

 private:
  Result<> list_files();
  Result<> check_topic_id();
  Result<> remove_leftovers();
  Result<> complete_swaps();
  Result<> complete_swap(Offset base);
  Result<> collect_segments();
  Result<> load_epochs();
  Result<> drop_empty_segments();
  Result<> recover_segments();
  Result<> recover_unindexed();
  Result<> recover_from(size_t first);
  Result<bool> recover_segment(Segment& segment, Offset from);
  Result<> drop_segments_behind(size_t last);
  Result<> settle_ends();
  Result<> remove(const std::string& name);
  [[nodiscard]] std::string path(const std::string& name) const { return options_.directory + "/" + name; }

  Log& log_;
  const LogOptions& options_;
  Disk& disk_;
  std::map<std::string, FileInfo> names_;  // of the files in the folder
  bool epochs_damaged_ = false;
};

}  // namespace weir::storage
