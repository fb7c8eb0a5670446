// The file meta.properties, which says which node and cluster a log directory belongs to. Plain values; any thread.
// Format: docs/formats/meta-properties.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "base/uuid.h"

namespace weir::storage {

struct MetaProperties {
  std::string cluster_id;  // empty in version 0 files that have none
  NodeId node_id = kNoNode;
  std::optional<Uuid> directory_id;  // absent in directories of before there were such ids
  friend bool operator==(const MetaProperties&, const MetaProperties&) = default;
};

// Takes versions 0 and 1. kCorrupt.
Result<MetaProperties> parse_meta_properties(std::string_view text);
// Version 1.
std::string meta_properties_text(const MetaProperties& properties);

// Ids that stand for something else than a directory, the first hundred: none may be given to one.
bool is_reserved_directory_id(const Uuid& id);

}  // namespace weir::storage
