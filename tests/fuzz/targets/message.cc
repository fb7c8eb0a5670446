// Every message, also those that only clients, brokers and the metadata log decode. Input: 4 bytes that choose the
// message by the hash of its name, 1 byte for the version, the message.
#include "fuzz/round_trip.h"
#include "protocol/json/json.h"

namespace {

using namespace weir::protocol;

const MessageInfo& choose(uint32_t tag) {
  for (const MessageInfo* message : all_messages()) {
    uint32_t hash = 0x811c9dc5;  // FNV-1a
    for (const char c : message->name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193;
    if (hash == tag) return *message;
  }
  return *all_messages()[tag % all_messages().size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 5) return 0;
  const MessageInfo& message = choose(weir::load_be<uint32_t>(data));
  const int versions = message.versions.max - message.versions.min + 1;
  if (versions <= 0) return 0;
  const auto version = static_cast<int16_t>(message.versions.min + data[4] % versions);
  weir::fuzz::check_round_trip(message, {data + 5, size - 5}, version);
  return 0;
}
