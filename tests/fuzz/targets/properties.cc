// A .properties file of anybody's: what is read can be written and is read again as the same.
#include "broker/config/properties.h"

#include "base/bytes.h"
#include "base/check.h"

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += '\\';
      // These letters mean something else behind a backslash.
      if (c == 'n' || c == 'r' || c == 't' || c == 'f' || c == 'u') out.pop_back();
      out += c;
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view text = as_text({data, size});
  (void)broker::parse_override(text);
  const auto settings = broker::parse_properties(text);
  if (!settings) return 0;
  std::string written;
  for (const auto& [key, value] : *settings) written += escaped(key) + "=" + escaped(value) + "\n";
  const auto again = broker::parse_properties(written);
  CHECK(again.has_value(), "{}", again.error().message);
  CHECK(*again == *settings, "properties change by being written and read");
  return 0;
}
