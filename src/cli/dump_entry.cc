#include "cli/dump_entry.h"

#include "cli/record_template.h"
#include "protocol/json/json.h"

namespace weir::cli {

DumpEntry& DumpEntry::number(std::string_view name, int64_t value) { return json(name, std::to_string(value)); }

DumpEntry& DumpEntry::text(std::string_view name, std::string_view value) {
  std::string quoted;
  protocol::append_json_string(quoted, value);
  return json(name, std::move(quoted));
}

DumpEntry& DumpEntry::bytes(std::string_view name, const std::optional<ByteView>& value) {
  if (!value) return json(name, "null");
  const std::string_view raw = as_text(*value);
  if (is_utf8(raw)) return text(name, raw);
  return text(std::string(name) + "_base64", base64(raw));
}

DumpEntry& DumpEntry::json(std::string_view name, std::string value) {
  values_.emplace_back(name, std::move(value));
  return *this;
}

void DumpEntry::append_to(std::string& out, bool as_json) const {
  if (as_json) {
    out += R"({"kind":")" + kind_ + '"';
    for (const auto& [name, value] : values_) out += ",\"" + name + "\":" + value;
    out += "}\n";
    return;
  }
  out.append(static_cast<size_t>(indent_) * 2, ' ');
  out += kind_;
  for (const auto& [name, value] : values_) {
    // Quotes only where a value would not be told from what follows.
    const bool plain = value.size() > 2 && value.starts_with('"') && value.find_first_of(" \\=,") == std::string::npos;
    out += "  " + name + "=" + (plain ? value.substr(1, value.size() - 2) : value);
  }
  out += '\n';
}

}  // namespace weir::cli
