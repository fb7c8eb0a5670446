// LeaderEpochs: where each leader's epoch begins in a log. Owned by the log, its thread only; the text form is what the
// file leader-epoch-checkpoint holds (docs/formats/leader-epoch-checkpoint.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace weir::storage {

struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

// The greatest epoch not above the one asked for, and the offset behind its last record; -1 and -1 when there is none.
struct EpochEnd {
  LeaderEpoch epoch = kNoLeaderEpoch;
  Offset end = kNoOffset;
  friend bool operator==(const EpochEnd&, const EpochEnd&) = default;
};

class LeaderEpochs {
 public:
  // kCorrupt for text that is no checkpoint.
  static Result<LeaderEpochs> parse(std::string_view text);
  [[nodiscard]] std::string to_text() const;

  // The epoch begins at `start`; later entries that contradict it go. True when something changed.
  bool assign(LeaderEpoch epoch, Offset start);
  // Drops the epochs that begin at or above `end`. True when something changed.
  bool truncate_from_end(Offset end);
  // Nothing below `start` is left: the epoch that holds `start` begins there now. True when something changed.
  bool truncate_from_start(Offset start);
  void clear() { entries_.clear(); }

  [[nodiscard]] LeaderEpoch latest() const { return entries_.empty() ? kNoLeaderEpoch : entries_.back().epoch; }
  [[nodiscard]] EpochEnd end_of(LeaderEpoch epoch, Offset log_end) const;
  // Of the record at `offset`; -1 when it is not known.
  [[nodiscard]] LeaderEpoch epoch_of(Offset offset) const;
  [[nodiscard]] const std::vector<EpochStart>& entries() const { return entries_; }

 private:
  std::vector<EpochStart> entries_;  // both members ascending
};

}  // namespace weir::storage
