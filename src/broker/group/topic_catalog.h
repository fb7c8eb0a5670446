// TopicCatalog: what a group coordinator asks of the cluster's metadata. Implemented over the metadata image of the
// shard; called on the coordinator's loop thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.h"

namespace weir::broker {

class TopicCatalog {
 public:
  virtual ~TopicCatalog() = default;
  [[nodiscard]] virtual std::optional<std::string> name_of(const Uuid& topic_id) const = 0;
  // The zero id for a topic that does not exist.
  [[nodiscard]] virtual Uuid id_of(std::string_view name) const = 0;
  [[nodiscard]] virtual bool has_partition(std::string_view name, int32_t partition) const = 0;
};

}  // namespace weir::broker
