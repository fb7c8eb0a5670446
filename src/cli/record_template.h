// How consumed records are printed. Plain; any thread.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "weir/record.h"

namespace weir::cli {

class RecordFormat {
 public:
  // value, key-value, json, or a template: %t topic, %p partition, %o offset, %k key, %v value, %h headers,
  // %T timestamp (milliseconds), %D timestamp (ISO 8601), %K and %V sizes in bytes, %% a percent sign; \n \t \r \0 \\
  // \xHH. kInvalidArgument, with what is wrong.
  static Result<RecordFormat> parse(std::string_view text, std::string_view delimiter);

  void append(std::string& out, const client::ConsumedRecord& record) const;

 private:
  enum class Kind : uint8_t { kTemplate, kJson };
  // A piece of a template: text to copy, or the letter of a field.
  struct Piece {
    std::string text;
    char field = 0;
  };
  Kind kind_ = Kind::kTemplate;
  std::vector<Piece> pieces_;
};

// The escapes of a template, elsewhere: in separators and delimiters.
Result<std::string> unescape(std::string_view text);

// The record as one JSON object, on one line. Bytes that are no UTF-8 are given in base64, under key_base64 and the
// like.
void append_json_record(std::string& out, const client::ConsumedRecord& record);

bool is_utf8(std::string_view text);
std::string base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace weir::cli
