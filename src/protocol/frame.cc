#include "protocol/frame.h"

#include <fmt/format.h>

#include "base/check.h"

namespace weir::protocol {
namespace {

constexpr int16_t kFlexibleRequestHeader = 2;

}  // namespace

Result<RequestHeader> decode_request_header(Reader& in) {
  Reader peek = in;
  int16_t key = peek.int16();
  int16_t version = peek.int16();
  TRY(peek.status(RequestHeader::kName, RequestHeader::kMinVersion));
  const ApiInfo* api = find_api(key);
  if (api == nullptr) return fail(Errc::kUnsupported, fmt::format("there is no API with key {}", key));
  RequestHeader header;
  TRY(header.decode(in, api->request_header_version(version)));
  return header;
}

size_t begin_request(Writer& out, ApiKey key, int16_t version, int32_t correlation_id,
                     std::optional<std::string_view> client_id) {
  size_t start = out.begin_frame();
  out.int16(static_cast<int16_t>(key));
  out.int16(version);
  out.int32(correlation_id);
  out.nullable_string(client_id, false, true, "ClientId");
  if (api_info(key).request_header_version(version) == kFlexibleRequestHeader) out.unsigned_varint(0);
  return start;
}

size_t begin_response(Writer& out, ApiKey key, int16_t version, int32_t correlation_id) {
  size_t start = out.begin_frame();
  out.int32(correlation_id);
  if (api_info(key).response_header_version(version) > 0) out.unsigned_varint(0);
  return start;
}

Result<int32_t> decode_response_header(Reader& in, ApiKey key, int16_t version) {
  ResponseHeader header;
  TRY(header.decode(in, api_info(key).response_header_version(version)));
  return header.correlation_id;
}

}  // namespace weir::protocol
