#include "storage/leader_epochs.h"

#include <fmt/format.h>

#include "storage/checkpoint_text.h"

namespace weir::storage {

Result<LeaderEpochs> LeaderEpochs::parse(std::string_view text) {
  TRY_ASSIGN(auto lines, parse_checkpoint_text(text, kLeaderEpochFields));
  LeaderEpochs epochs;
  for (const auto& line : lines) {
    TRY_ASSIGN(int64_t epoch, parse_checkpoint_number(line[0]));
    TRY_ASSIGN(int64_t start, parse_checkpoint_number(line[1]));
    epochs.assign(LeaderEpoch(static_cast<int32_t>(epoch)), Offset(start));
  }
  return epochs;
}

std::string LeaderEpochs::to_text() const {
  std::string text = fmt::format("0\n{}\n", entries_.size());
  for (const EpochStart& entry : entries_) text += fmt::format("{} {}\n", entry.epoch.value(), entry.start.value());
  return text;
}

bool LeaderEpochs::assign(LeaderEpoch epoch, Offset start) {
  if (!entries_.empty()) {
    const EpochStart& last = entries_.back();
    if (epoch == last.epoch && start >= last.start) return false;
  }
  while (!entries_.empty() && (entries_.back().epoch >= epoch || entries_.back().start >= start)) entries_.pop_back();
  entries_.push_back({epoch, start});
  return true;
}

bool LeaderEpochs::truncate_from_end(Offset end) {
  const size_t before = entries_.size();
  while (!entries_.empty() && entries_.back().start >= end) entries_.pop_back();
  return entries_.size() != before;
}

bool LeaderEpochs::truncate_from_start(Offset start) {
  size_t below = 0;  // epochs that begin at or below the start
  while (below < entries_.size() && entries_[below].start <= start) ++below;
  if (below == 0) return false;
  const bool changed = below > 1 || entries_[0].start != start;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(below - 1));
  entries_[0].start = start;
  return changed;
}

EpochEnd LeaderEpochs::end_of(LeaderEpoch epoch, Offset log_end) const {
  if (epoch == kNoLeaderEpoch || entries_.empty()) return {};
  if (epoch == latest()) return {epoch, log_end};
  const auto higher = std::ranges::upper_bound(entries_, epoch, {}, &EpochStart::epoch);
  if (higher == entries_.end()) return {};
  // Below the first one known nothing is certain but that it ended before that began.
  if (higher == entries_.begin()) return {epoch, higher->start};
  return {std::prev(higher)->epoch, higher->start};
}

LeaderEpoch LeaderEpochs::epoch_of(Offset offset) const {
  const auto after = std::ranges::upper_bound(entries_, offset, {}, &EpochStart::start);
  return after == entries_.begin() ? kNoLeaderEpoch : std::prev(after)->epoch;
}

}  // namespace weir::storage
