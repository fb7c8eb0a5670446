// meta.properties: whose directory a log directory is. Plain values and functions; any thread. Format:
// docs/formats/metadata-log.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "base/uuid.h"

namespace weir::quorum {

inline constexpr std::string_view kMetaProperties = "meta.properties";

struct MetaProperties {
  std::string cluster_id;
  NodeId node_id = kNoNode;
  std::optional<Uuid> directory_id;  // version 0 has none
};

// `now` goes into the comment that Java's properties begin with.
std::string format_meta_properties(const MetaProperties& properties, Timestamp now);
// Version 1, and version 0 of old, where the node is called broker.id. kCorrupt, kUnsupported for another version.
Result<MetaProperties> parse_meta_properties(std::string_view text);

}  // namespace weir::quorum
