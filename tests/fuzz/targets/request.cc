// What a listener does with the bytes of a frame: header, then the message of that API and version. A request that
// decodes must encode again, and what was encoded must decode to the same.
#include "fuzz/round_trip.h"
#include "protocol/api_key.h"
#include "protocol/frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::protocol;
  Reader in({data, size});
  const auto header = decode_request_header(in);
  if (!header) return 0;
  const ApiInfo* api = find_api(header->request_api_key);
  CHECK(api != nullptr, "a header with an API that does not exist");
  if (!api->has_version(header->request_api_version)) return 0;
  const MessageInfo* message = find_message("clients", MessageKind::kRequest, header->request_api_key);
  CHECK(message != nullptr, "no request of API {}", header->request_api_key);
  weir::fuzz::check_round_trip(*message, in.rest(), header->request_api_version);
  return 0;
}
