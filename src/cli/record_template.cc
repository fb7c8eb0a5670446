#include "cli/record_template.h"

#include <fmt/format.h>

#include "cli/place_spec.h"
#include "protocol/json/json.h"

namespace weir::cli {
namespace {

constexpr std::string_view kFields = "tpokvhTDKV";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_bytes(std::string& out, std::string_view name, const std::optional<std::string_view>& bytes) {
  if (!bytes) {
    out += fmt::format(R"("{}":null)", name);
  } else if (is_utf8(*bytes)) {
    out += fmt::format(R"("{}":)", name);
    protocol::append_json_string(out, *bytes);
  } else {
    out += fmt::format(R"("{}_base64":"{}")", name, base64(*bytes));
  }
}

void append_headers(std::string& out, const std::vector<client::HeaderView>& headers) {
  for (size_t i = 0; i < headers.size(); ++i) {
    if (i > 0) out += ',';
    out += headers[i].key;
    out += '=';
    out += headers[i].value.value_or("");
  }
}

void append_field(std::string& out, char field, const client::ConsumedRecord& record) {
  switch (field) {
    case 't':
      out += record.topic;
      break;
    case 'p':
      out += std::to_string(record.partition.value());
      break;
    case 'o':
      out += std::to_string(record.offset.value());
      break;
    case 'k':
      out += record.key.value_or("");
      break;
    case 'v':
      out += record.value.value_or("");
      break;
    case 'h':
      append_headers(out, record.headers);
      break;
    case 'T':
      out += std::to_string(record.timestamp.value());
      break;
    case 'D':
      out += format_time(record.timestamp);
      break;
    case 'K':
      out += std::to_string(record.key ? static_cast<int64_t>(record.key->size()) : -1);
      break;
    case 'V':
      out += std::to_string(record.value ? static_cast<int64_t>(record.value->size()) : -1);
      break;
    default:
      break;
  }
}

}  // namespace

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      out += text[at];
      continue;
    }
    const char escape = ++at < text.size() ? text[at] : '\0';
    const size_t known = std::string_view("ntr0\\").find(escape);
    if (escape == 'x' && at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 && hex_digit(text[at + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[at + 1]) * 16 + hex_digit(text[at + 2]));
      at += 2;
    } else if (known != std::string_view::npos && at < text.size()) {
      out += std::string_view("\n\t\r\0\\", 5)[known];
    } else {
      return fail(Errc::kInvalidArgument,
                  fmt::format("'{}' has an unknown escape at {}; there are \\n \\t \\r \\0 \\\\ \\xHH", text, at));
    }
  }
  return out;
}

Result<RecordFormat> RecordFormat::parse(std::string_view text, std::string_view delimiter) {
  RecordFormat format;
  TRY_ASSIGN(std::string end, unescape(delimiter));
  if (text == "json") {
    format.kind_ = Kind::kJson;
    return format;
  }
  if (text == "value")
    text = "%v";
  else if (text == "key-value")
    text = "%k\\t%v";
  else if (text.find('%') == std::string_view::npos) {
    return fail(Errc::kInvalidArgument,
                fmt::format("'{}' is no format: give value, key-value, json, or a template such as "
                            "'%k: %v' (weir consume --help lists the fields)",
                            text));
  }
  for (size_t at = 0; at < text.size();) {
    const size_t percent = std::min(text.find('%', at), text.size());
    if (percent > at) {
      TRY_ASSIGN(std::string literal, unescape(text.substr(at, percent - at)));
      format.pieces_.push_back({std::move(literal)});
    }
    if (percent == text.size()) break;
    const char field = percent + 1 < text.size() ? text[percent + 1] : '\0';
    if (field == '%') {
      format.pieces_.push_back({"%"});
    } else if (field != '\0' && kFields.find(field) != std::string_view::npos) {
      format.pieces_.push_back({{}, field});
    } else {
      return fail(Errc::kInvalidArgument,
                  fmt::format("'%{}' is no field of a record; there are %t %p %o %k %v %h %T %D %K "
                              "%V and %%",
                              field == '\0' ? ' ' : field));
    }
    at = percent + 2;
  }
  format.pieces_.push_back({std::move(end)});
  return format;
}

void RecordFormat::append(std::string& out, const client::ConsumedRecord& record) const {
  if (kind_ == Kind::kJson) {
    append_json_record(out, record);
    out += '\n';
    return;
  }
  for (const Piece& piece : pieces_) {
    if (piece.field == 0) {
      out += piece.text;
    } else {
      append_field(out, piece.field, record);
    }
  }
}

void append_json_record(std::string& out, const client::ConsumedRecord& record) {
  out += R"({"topic":)";
  protocol::append_json_string(out, record.topic);
  out += fmt::format(R"(,"partition":{},"offset":{},"timestamp":{},)", record.partition.value(), record.offset.value(),
                     record.timestamp.value());
  append_bytes(out, "key", record.key);
  out += ',';
  append_bytes(out, "value", record.value);
  out += R"(,"headers":[)";
  for (size_t i = 0; i < record.headers.size(); ++i) {
    if (i > 0) out += ',';
    out += R"({"key":)";
    protocol::append_json_string(out, record.headers[i].key);
    out += ',';
    append_bytes(out, "value", record.headers[i].value);
    out += '}';
  }
  out += "]}";
}

}  // namespace weir::cli
