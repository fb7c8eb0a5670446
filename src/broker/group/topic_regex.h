// Regular expressions that consumers subscribe with. The syntax is RE2's, as in Kafka: linear in time, whatever the
// client sends. Any thread; a value may be shared.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace weir::broker {

class TopicRegex {
 public:
  // kInvalidArgument with what is wrong.
  static Result<TopicRegex> compile(std::string_view expression);
  // Whether the expression stands for the whole name.
  [[nodiscard]] bool matches(std::string_view topic) const;

 private:
  explicit TopicRegex(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace weir::broker
