// TopicCatalog: what a group coordinator asks of the cluster's metadata. Implemented over the metadata image of the
// shard; called on the coordinator's loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"

namespace weir::broker {

struct TopicDescription {
  Uuid id;
  std::vector<std::vector<std::string_view>> racks;  // of the replicas of each partition, as far as brokers have one
};

class TopicCatalog {
 public:
  virtual ~TopicCatalog() = default;
  [[nodiscard]] virtual std::optional<std::string> name_of(const Uuid& topic_id) const = 0;
  // The zero id for a topic that does not exist.
  [[nodiscard]] virtual Uuid id_of(std::string_view name) const = 0;
  [[nodiscard]] virtual bool has_partition(std::string_view name, int32_t partition) const = 0;
  // Zero for a topic that does not exist.
  [[nodiscard]] virtual int32_t partition_count(const Uuid& topic_id) const = 0;
  // Views into the metadata; valid until the catalog is shown another image.
  [[nodiscard]] virtual std::optional<TopicDescription> describe(std::string_view name) const = 0;
  virtual void for_each_topic(const std::function<void(std::string_view name)>& visit) const = 0;
  // Grows with each change of the metadata.
  [[nodiscard]] virtual int64_t version() const = 0;
  // The value in force of a setting of a group: its own, or the default that the broker's settings make.
  [[nodiscard]] virtual int32_t group_setting(std::string_view group_id, std::string_view key) const = 0;
};

}  // namespace weir::broker
