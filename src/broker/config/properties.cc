#include "broker/config/properties.h"

#include <fmt/format.h>

#include <charconv>

namespace weir::broker {
namespace {

constexpr std::string_view kBlanks = " \t\f";

// Whether a line goes on in the next: it ends in a backslash that no other one escapes.
bool is_continued(std::string_view line) {
  const auto last_other = line.find_last_not_of('\\');
  const size_t backslashes = line.size() - (last_other == std::string_view::npos ? 0 : last_other + 1);
  return backslashes % 2 == 1;
}

std::string_view without_leading_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

// Takes the next line off `text`; lines end in \n, \r or \r\n.
std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find_first_of("\r\n"), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(end);
  if (text.starts_with("\r\n")) {
    text.remove_prefix(2);
  } else if (!text.empty()) {
    text.remove_prefix(1);
  }
  return line;
}

void append_utf8(std::string& out, uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  const int tail_bytes = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr uint32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead[tail_bytes] | (point >> (6 * tail_bytes)));
  for (int i = tail_bytes - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((point >> (6 * i)) & 0x3f));
}

// Reads XXXX of \uXXXX.
Result<uint32_t> take_code_unit(std::string_view& text) {
  uint32_t unit = 0;
  const auto digits = text.substr(0, 4);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), unit, 16);
  if (digits.size() < 4 || error != std::errc() || end != digits.data() + 4) {
    return fail(Errc::kInvalidArgument, "\\u needs four hexadecimal digits");
  }
  text.remove_prefix(4);
  return unit;
}

Result<> append_unicode(std::string& out, std::string_view& text) {
  TRY_ASSIGN(uint32_t point, take_code_unit(text));
  if (point >= 0xd800 && point < 0xdc00 && text.starts_with("\\u")) {
    text.remove_prefix(2);
    TRY_ASSIGN(const uint32_t low, take_code_unit(text));
    point = 0x10000 + ((point - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
  }
  append_utf8(out, point);
  return {};
}

// Takes one character, escaped or not, off `text`.
Result<> append_character(std::string& out, std::string_view& text) {
  const char c = text.front();
  text.remove_prefix(1);
  if (c != '\\' || text.empty()) {
    if (c != '\\') out += c;
    return {};
  }
  const char escaped = text.front();
  text.remove_prefix(1);
  switch (escaped) {
    case 't':
      out += '\t';
      return {};
    case 'n':
      out += '\n';
      return {};
    case 'r':
      out += '\r';
      return {};
    case 'f':
      out += '\f';
      return {};
    case 'u':
      return append_unicode(out, text);
    default:
      out += escaped;
      return {};
  }
}

// Splits a whole logical line at its first unescaped separator: blanks, then at most one of = and :, then blanks.
Result<std::pair<std::string, std::string>> parse_line(std::string_view line) {
  std::pair<std::string, std::string> entry;
  while (!line.empty() && !std::string_view("=: \t\f").contains(line.front())) TRY(append_character(entry.first, line));
  line = without_leading_blanks(line);
  if (line.starts_with('=') || line.starts_with(':')) line = without_leading_blanks(line.substr(1));
  while (!line.empty()) TRY(append_character(entry.second, line));
  return entry;
}

}  // namespace

Result<ConfigMap> parse_properties(std::string_view text) {
  ConfigMap entries;
  size_t line_number = 0;
  while (!text.empty()) {
    const size_t first_line = ++line_number;
    std::string line(without_leading_blanks(take_line(text)));
    if (line.empty() || line.front() == '#' || line.front() == '!') continue;
    while (is_continued(line) && !text.empty()) {
      line.pop_back();
      line += without_leading_blanks(take_line(text));
      ++line_number;
    }
    auto entry = parse_line(line);
    if (!entry) return fail(entry.error().code, fmt::format("line {}: {}", first_line, entry.error().message));
    entries.insert_or_assign(std::move(entry->first), std::move(entry->second));
  }
  return entries;
}

Result<std::pair<std::string, std::string>> parse_override(std::string_view text) {
  const auto equals = text.find('=');
  const auto name = trim(text.substr(0, equals));
  if (equals == std::string_view::npos || name.empty()) {
    return fail(Errc::kInvalidArgument, fmt::format("'{}' is not of the form key=value", text));
  }
  return std::pair(std::string(name), std::string(trim(text.substr(equals + 1))));
}

}  // namespace weir::broker
