#include "golden/json_compare.h"

#include <fmt/format.h>

#include <map>
#include <vector>

#include "base/check.h"

namespace weir::golden {
namespace {

struct Json {
  char kind = 0;  // { [ " or the first character of a number or word
  std::string text;
  std::vector<Json> elements;
  std::map<std::string, Json> members;
};

// Reads the JSON that weir and the golden files have: without blanks. Anything else is a bug, not input.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json value() {
    Json json;
    json.kind = text_[at_];
    if (json.kind == '{') {
      list('}', [&] {
        std::string name = string();
        take(':');
        json.members[name] = value();
      });
    } else if (json.kind == '[') {
      list(']', [&] { json.elements.push_back(value()); });
    } else if (json.kind == '"') {
      json.text = string();
    } else {
      size_t end = std::min(text_.find_first_of(",]}", at_), text_.size());
      json.text = text_.substr(at_, end - at_);
      at_ = end;
    }
    return json;
  }

 private:
  void take(char c) {
    CHECK(at_ < text_.size() && text_[at_] == c, "no '{}' at {} of {}", c, at_, text_);
    ++at_;
  }
  std::string string() {
    take('"');
    size_t start = at_;
    while (text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    return std::string(text_.substr(start, at_++ - start));
  }
  template <class Item>
  void list(char close, Item item) {
    ++at_;
    while (text_[at_] != close) {
      item();
      if (text_[at_] != close) take(',');
    }
    ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

bool is_usual_default(const Json& json) {
  if (json.kind == '[') return json.elements.empty();
  return json.text == "null" || json.text == "false" || (json.kind == '"' && json.text.empty());
}

std::string difference(const std::string& where, const Json& expected, const Json& actual) {
  bool same_kind = expected.kind == actual.kind || (expected.elements.empty() && expected.members.empty());
  if (!same_kind || expected.text != actual.text)
    return fmt::format("{}: {} became {}", where, expected.text, actual.text);
  if (expected.elements.size() != actual.elements.size()) return fmt::format("{}: another number of elements", where);
  for (size_t i = 0; i < expected.elements.size(); ++i) {
    auto found = difference(fmt::format("{}[{}]", where, i), expected.elements[i], actual.elements[i]);
    if (!found.empty()) return found;
  }
  for (const auto& [name, member] : actual.members) {
    if (!expected.members.contains(name)) return fmt::format("{}.{} is too much", where, name);
  }
  for (const auto& [name, member] : expected.members) {
    auto at = actual.members.find(name);
    if (at == actual.members.end() && is_usual_default(member)) continue;
    if (at == actual.members.end()) return fmt::format("{}.{} is missing", where, name);
    auto found = difference(fmt::format("{}.{}", where, name), member, at->second);
    if (!found.empty()) return found;
  }
  return {};
}

}  // namespace

std::string json_difference(std::string_view expected, std::string_view actual) {
  return difference("", Parser(expected).value(), Parser(actual).value());
}

}  // namespace weir::golden
