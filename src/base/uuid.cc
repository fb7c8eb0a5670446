#include "base/uuid.h"

#include "base/seams.h"

namespace weir {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kTextLength = 22;

}  // namespace

Uuid Uuid::random(Random& random) {
  for (;;) {
    Uuid id((random.next() & ~uint64_t{0xf000}) | 0x4000, (random.next() & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62));
    if (id.to_string().front() != '-') return id;
  }
}

Result<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextLength) {
    return fail(Errc::kInvalidArgument,
                "'" + std::string(text) + "' is not an id: 22 characters of URL-safe base64 are expected");
  }
  unsigned __int128 bits = 0;
  for (const char& c : text) {
    auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) {
      return fail(Errc::kInvalidArgument,
                  "'" + std::string(text) + "' is not an id: '" + c + "' is not of URL-safe base64");
    }
    // 21 digits of 6 bits and the upper 2 bits of the last one; the rest is padding.
    bits = &c == &text.back() ? bits << 2 | digit >> 4 : bits << 6 | digit;
  }
  return Uuid(static_cast<uint64_t>(bits >> 64), static_cast<uint64_t>(bits));
}

std::string Uuid::to_string() const {
  std::string text(kTextLength, '\0');
  unsigned __int128 bits = (static_cast<unsigned __int128>(high_) << 64) | low_;
  text[kTextLength - 1] = kAlphabet[static_cast<size_t>(bits & 3) << 4];
  bits >>= 2;
  for (size_t i = kTextLength - 1; i-- > 0; bits >>= 6) text[i] = kAlphabet[static_cast<size_t>(bits & 63)];
  return text;
}

}  // namespace weir
