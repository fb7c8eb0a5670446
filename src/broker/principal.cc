#include "broker/principal.h"

#include "protocol/messages/default_principal_data.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace weir::broker {
namespace {

constexpr int16_t kVersion = 0;
constexpr std::string_view kUserType = "User";
constexpr std::string_view kAnonymous = "ANONYMOUS";

}  // namespace

std::string encode_principal(std::string_view name) {
  protocol::DefaultPrincipalData principal;
  principal.type = kUserType;
  principal.name = name.empty() ? kAnonymous : name;
  protocol::Writer out;
  out.int16(kVersion);
  CHECK(principal.encode(out, kVersion).has_value());
  const SharedBytes bytes = out.release();
  return {reinterpret_cast<const char*>(bytes.bytes.data()), bytes.bytes.size()};
}

Result<std::string> decode_principal(ByteView bytes) {
  protocol::Reader in(bytes);
  const int16_t version = in.int16();
  if (version != kVersion) return fail(Errc::kUnsupported, "a principal of another version");
  protocol::DefaultPrincipalData principal;
  TRY(principal.decode(in, version));
  return std::string(principal.name);
}

}  // namespace weir::broker
