// The text form that checkpoint files share: a version, a count, and a line of blank-separated fields for each entry.
// Stateless; any thread. Format: docs/formats/checkpoints.md.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::storage {

inline constexpr size_t kLeaderEpochFields = 2;
inline constexpr size_t kOffsetCheckpointFields = 3;

// The fields of each entry, views of `text`; none for empty text. kCorrupt.
Result<std::vector<std::vector<std::string_view>>> parse_checkpoint_text(std::string_view text, size_t fields);
// kCorrupt.
Result<int64_t> parse_checkpoint_number(std::string_view text);

}  // namespace weir::storage
