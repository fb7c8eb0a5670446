#include "payload.h"

#include <random>

namespace weir::bench {
namespace {

// Many values, so that a codec's window does not see one come back.
constexpr size_t kTotalBytes = 64 << 20;
constexpr size_t kMaxValues = 1 << 16;

std::vector<std::string> words(std::mt19937_64& random) {
  std::vector<std::string> made(2000);
  for (std::string& word : made) {
    const size_t length = 3 + random() % 8;
    for (size_t i = 0; i < length; ++i) word += static_cast<char>('a' + random() % 26);
  }
  return made;
}

}  // namespace

Payloads::Payloads(size_t record_bytes) {
  std::mt19937_64 random(1);
  const std::vector<std::string> dictionary = words(random);
  values_.resize(std::max<size_t>(1, std::min(kMaxValues, kTotalBytes / std::max<size_t>(record_bytes, 1))));
  for (std::string& value : values_) {
    value.reserve(record_bytes + 64);
    value = "{\"id\":" + std::to_string(random() % 1'000'000'000);
    while (value.size() < record_bytes) {
      value += ",\"" + dictionary[random() % 20] + "\":\"" + dictionary[random() % dictionary.size()] + ' ' +
               dictionary[random() % dictionary.size()] + "\"";
    }
    value.resize(record_bytes);
  }
}

}  // namespace weir::bench
