#include "storage/checkpoint_text.h"

#include <fmt/format.h>

#include <charconv>

namespace weir::storage {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace

Result<std::vector<std::vector<std::string_view>>> parse_checkpoint_text(std::string_view text, size_t fields) {
  std::vector<std::vector<std::string_view>> entries;
  if (text.empty()) return entries;
  std::vector<std::string_view> lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  if (lines.size() < 2) return fail(Errc::kCorrupt, "a checkpoint without version and count");
  TRY_ASSIGN(int64_t version, parse_checkpoint_number(lines[0]));
  TRY_ASSIGN(int64_t count, parse_checkpoint_number(lines[1]));
  if (version != 0) return fail(Errc::kCorrupt, fmt::format("a checkpoint of version {}", version));
  if (count != static_cast<int64_t>(lines.size() - 2)) {
    return fail(Errc::kCorrupt, fmt::format("a checkpoint of {} entries that has {}", count, lines.size() - 2));
  }
  for (size_t i = 2; i < lines.size(); ++i) {
    entries.push_back(split(lines[i], ' '));
    if (entries.back().size() != fields) {
      return fail(Errc::kCorrupt, fmt::format("a checkpoint with the entry '{}'", lines[i]));
    }
  }
  return entries;
}

Result<int64_t> parse_checkpoint_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return number;
  return fail(Errc::kCorrupt, fmt::format("a checkpoint with '{}' for a number", text));
}

}  // namespace weir::storage
