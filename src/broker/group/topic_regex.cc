#include "broker/group/topic_regex.h"

#include <re2/re2.h>

namespace weir::broker {

Result<TopicRegex> TopicRegex::compile(std::string_view expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  // A million bytes of compiled program: an expression of a few kilobytes fits, one that repeats itself a million times
  // does not.
  options.set_max_mem(int64_t{1} << 20);
  auto compiled = std::make_shared<const re2::RE2>(re2::StringPiece(expression.data(), expression.size()), options);
  if (!compiled->ok()) return fail(Errc::kInvalidArgument, compiled->error());
  return TopicRegex(std::move(compiled));
}

bool TopicRegex::matches(std::string_view topic) const {
  return re2::RE2::FullMatch(re2::StringPiece(topic.data(), topic.size()), *compiled_);
}

}  // namespace weir::broker
