// Places in a topic as people type them: offsets, ends, times, partitions. Plain; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace weir::cli {

struct Earliest {};
struct Latest {};
struct FromEnd {
  int64_t records;  // before the end
};
using PlaceSpec = std::variant<Earliest, Latest, FromEnd, Offset, Timestamp>;

// earliest (start, beginning), latest (end), an offset, -N (N before the end), or a time: now, 10m or 2h30m (ago),
// @SECONDS, 2026-11-21, 2026-11-21T04:06, 2026-11-21T04:06:05.250Z, with Z or +02:00; without a zone it is UTC.
// kInvalidArgument, with all of these forms.
Result<PlaceSpec> parse_place(std::string_view text, Timestamp now);

// A time of those forms.
std::optional<Timestamp> parse_time(std::string_view text, Timestamp now);

// 2026-11-21T04:06:05.250Z
std::string format_time(Timestamp time);

// TOPIC or TOPIC:0,3. kInvalidArgument.
Result<std::pair<std::string, std::vector<int32_t>>> parse_topic_partitions(std::string_view text);

}  // namespace weir::cli
