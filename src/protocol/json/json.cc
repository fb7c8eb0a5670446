#include "protocol/json/json.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <optional>

#include "base/bytes.h"
#include "base/uuid.h"
#include "protocol/reader.h"
#include "protocol/records.h"

namespace weir::protocol {
namespace {

const void* member_of(const void* structure, const FieldInfo& field) {
  return static_cast<const uint8_t*>(structure) + field.offset;
}

template <class T>
const T& as(const void* value) {
  return *static_cast<const T*>(value);
}

bool same_struct(const StructInfo& info, const void* a, const void* b);

bool same_value(const FieldInfo& field, const void* a, const void* b) {
  switch (field.type) {
    case FieldType::kBool:
      return as<bool>(a) == as<bool>(b);
    case FieldType::kInt8:
      return as<int8_t>(a) == as<int8_t>(b);
    case FieldType::kInt16:
      return as<int16_t>(a) == as<int16_t>(b);
    case FieldType::kUint16:
      return as<uint16_t>(a) == as<uint16_t>(b);
    case FieldType::kInt32:
      return as<int32_t>(a) == as<int32_t>(b);
    case FieldType::kUint32:
      return as<uint32_t>(a) == as<uint32_t>(b);
    case FieldType::kInt64:
      return as<int64_t>(a) == as<int64_t>(b);
    case FieldType::kFloat64:
      return as<double>(a) == as<double>(b);
    case FieldType::kUuid:
      return as<Uuid>(a) == as<Uuid>(b);
    case FieldType::kString:
      return as<std::string_view>(a) == as<std::string_view>(b);
    case FieldType::kBytes:
      return as_text(as<ByteView>(a)) == as_text(as<ByteView>(b));
    case FieldType::kRecords:
      return as_text(as<Records>(a).bytes()) == as_text(as<Records>(b).bytes());
    case FieldType::kStruct:
      return same_struct(*field.structure, a, b);
  }
  return false;
}

bool same_member(const FieldInfo& field, const void* a, const void* b) {
  const Container& container = *field.container;
  bool has_value = container.has_value(a);
  if (has_value != container.has_value(b)) return false;
  if (!has_value) return true;
  size_t size = container.size(a);
  if (size != container.size(b)) return false;
  const auto* left = static_cast<const uint8_t*>(container.data(a));
  const auto* right = static_cast<const uint8_t*>(container.data(b));
  for (size_t i = 0; i < size; ++i) {
    if (!same_value(field, left + i * container.element_size, right + i * container.element_size)) return false;
  }
  return true;
}

bool same_struct(const StructInfo& info, const void* a, const void* b) {
  for (const FieldInfo& field : info.fields) {
    if (!same_member(field, member_of(a, field), member_of(b, field))) return false;
  }
  return true;
}

// The shortest digits that give the same value again; always recognisable as no integer. JSON has no infinities: those
// are strings.
void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) return append_json_string(out, fmt::format("{}", value));
  std::string digits = fmt::format("{}", value);
  out += digits;
  if (digits.find_first_of(".e") == std::string::npos) out += ".0";
}

void append_struct(std::string& out, const StructInfo& info, const void* structure, int16_t version);

void append_value(std::string& out, const FieldInfo& field, const void* value, int16_t version) {
  auto number = std::back_inserter(out);
  switch (field.type) {
    case FieldType::kBool:
      out += as<bool>(value) ? "true" : "false";
      break;
    case FieldType::kInt8:
      fmt::format_to(number, "{}", static_cast<int>(as<int8_t>(value)));
      break;
    case FieldType::kInt16:
      fmt::format_to(number, "{}", as<int16_t>(value));
      break;
    case FieldType::kUint16:
      fmt::format_to(number, "{}", as<uint16_t>(value));
      break;
    case FieldType::kInt32:
      fmt::format_to(number, "{}", as<int32_t>(value));
      break;
    case FieldType::kUint32:
      fmt::format_to(number, "{}", as<uint32_t>(value));
      break;
    case FieldType::kInt64:
      fmt::format_to(number, "{}", as<int64_t>(value));
      break;
    case FieldType::kFloat64:
      append_double(out, as<double>(value));
      break;
    case FieldType::kUuid:
      append_json_string(out, as<Uuid>(value).to_string());
      break;
    case FieldType::kString:
      append_json_string(out, as<std::string_view>(value));
      break;
    case FieldType::kBytes:
      out += '"';
      append_hex(out, as<ByteView>(value));
      out += '"';
      break;
    case FieldType::kRecords: {
      const auto& records = as<Records>(value);
      if (records.is_external()) {
        fmt::format_to(number, "\"{} bytes\"", records.size());
      } else {
        out += '"';
        append_hex(out, records.bytes());
        out += '"';
      }
      break;
    }
    case FieldType::kStruct:
      append_struct(out, *field.structure, value, version);
      break;
  }
}

void append_member(std::string& out, const FieldInfo& field, const void* member, int16_t version) {
  const Container& container = *field.container;
  if (!container.has_value(member)) {
    out += "null";
    return;
  }
  const auto* values = static_cast<const uint8_t*>(container.data(member));
  if (!field.is_array) return append_value(out, field, values, version);
  out += '[';
  for (size_t i = 0; i < container.size(member); ++i) {
    if (i > 0) out += ',';
    append_value(out, field, values + i * container.element_size, version);
  }
  out += ']';
}

void append_struct(std::string& out, const StructInfo& info, const void* structure, int16_t version) {
  out += '{';
  bool first = true;
  for (const FieldInfo& field : info.fields) {
    if (!field.versions.contains(version)) continue;
    const void* member = member_of(structure, field);
    if (field.tag >= 0 && same_member(field, member, member_of(info.defaults(), field))) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, field.name);
    out += ':';
    append_member(out, field, member, version);
  }
  out += '}';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_hex(std::string& out, ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.reserve(out.size() + 2 * bytes.size());
  for (uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

void append_json(std::string& out, const MessageInfo& info, const void* message, int16_t version) {
  append_struct(out, *info.structure, message, version);
}

Result<std::string> decode_to_json(const MessageInfo& info, ByteView bytes, int16_t version) {
  auto message = info.make();
  Reader in(bytes);
  TRY(info.decode(message.get(), in, version));
  TRY(in.expect_end(info.name));
  std::string out;
  append_json(out, info, message.get(), version);
  return out;
}

}  // namespace weir::protocol
