// weir's side of the comparison of codecs (run says what it is). `make FILE SEED` writes messages of every type and
// version; `check FILE` decodes the messages of a file, encodes them again and says where the bytes differ. Codecs.java
// describes the file.
#include <fmt/core.h>

#include <fstream>
#include <iterator>
#include <string>

#include "protocol/json/json.h"
#include "protocol/json/reflection.h"
#include "protocol/reader.h"
#include "protocol/testing/random_message.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

constexpr uint64_t kMadePerVersion = 40;
constexpr int kFailuresShown = 20;

int make(const std::string& path, uint64_t seed) {
  Writer out;
  for (const MessageInfo* info : all_messages()) {
    for (int16_t version = info->versions.min; version <= info->versions.max; ++version) {
      for (uint64_t i = 0; i < kMadePerVersion; ++i) {
        RandomMessages random(seed * kMadePerVersion + i);
        Writer message;
        auto encoded = info->encode(random.make(*info, version).get(), message, version);
        CHECK(encoded.has_value(), "{}", encoded.error().message);
        out.string(info->name, false);
        out.int16(version);
        out.bytes(message.view(), false);
      }
    }
  }
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(out.view().data()), static_cast<std::streamsize>(out.size()));
  return 0;
}

std::string hex(ByteView bytes) {
  std::string text;
  append_hex(text, bytes);
  return text;
}

// What is wrong with `bytes`, or nothing.
std::string difference(const MessageInfo& info, int16_t version, ByteView bytes) {
  auto message = info.make();
  Reader in(bytes);
  if (auto decoded = info.decode(message.get(), in, version); !decoded) return decoded.error().message;
  if (auto end = in.expect_end(info.name); !end) return end.error().message;
  Writer out;
  if (auto encoded = info.encode(message.get(), out, version); !encoded) return encoded.error().message;
  if (as_text(out.view()) == as_text(bytes)) return {};
  return fmt::format("\n  Kafka {}\n  weir  {}", hex(bytes), hex(out.view()));
}

int check(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  Reader in(as_bytes(content));
  int count = 0;
  int failures = 0;
  for (; in.remaining() > 0; ++count) {
    auto name = in.string(false);
    auto version = in.int16();
    auto bytes = in.bytes(false);
    const MessageInfo* info = find_message(name);
    CHECK(!in.failed() && info != nullptr, "entry {} of {}: '{}'", count, path, name);
    std::string what = difference(*info, version, bytes);
    if (!what.empty() && ++failures <= kFailuresShown) fmt::print("{} v{}: {}\n", name, version, what);
  }
  fmt::print("{} messages of Kafka's read and written by weir, {} differ\n", count, failures);
  return count > 0 && failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace weir::protocol

int main(int argc, char** argv) {
  std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "make" && argc == 4) return weir::protocol::make(argv[2], std::stoull(argv[3]));
  if (mode == "check" && argc == 3) return weir::protocol::check(argv[2]);
  fmt::print(stderr, "usage: weir_codecs make FILE SEED | check FILE\n");
  return 2;
}
