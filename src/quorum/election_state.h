// ElectionState: what a node must remember of elections across restarts, and the file quorum-state that holds it. Plain
// values and functions; any thread. Format: docs/formats/metadata-log.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

struct ElectionState {
  LeaderEpoch epoch{0};
  NodeId leader = kNoNode;
  std::optional<VoterKey> voted;
  friend bool operator==(const ElectionState&, const ElectionState&) = default;
};

// The content of quorum-state. With kraft.version 0 it names the voters too.
std::string format_election_state(const ElectionState& state, int16_t kraft_version, const VoterSet& voters);
// kCorrupt for what is not such a content, kUnsupported for a data_version above 1.
Result<ElectionState> parse_election_state(std::string_view text);

}  // namespace weir::quorum
