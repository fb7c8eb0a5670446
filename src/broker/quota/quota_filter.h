// QuotaFilter: which entities DescribeClientQuotas asks for. A plain value; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

class QuotaFilter {
 public:
  // The numbers are those of the wire.
  enum class Match : int8_t { kExact = 0, kDefault = 1, kAny = 2 };

  // Entities that have other types than the filter names match too, unless it is strict.
  explicit QuotaFilter(bool strict) : strict_(strict) {}

  // kUnsupported for a type of entity that there is not, kInvalidArgument for anything else that is wrong.
  Result<> add(std::string_view type, int8_t match, std::optional<std::string_view> name);
  [[nodiscard]] bool matches(const quorum::QuotaEntity& entity) const;

 private:
  struct Component {
    Match match;
    std::string name;
  };
  bool strict_;
  std::map<std::string, Component, std::less<>> components_;
};

}  // namespace weir::broker
