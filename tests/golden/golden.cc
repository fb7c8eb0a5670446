#include "golden/golden.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <system_error>

#include "base/check.h"
#include "protocol/compression.h"
#include "protocol/json/json.h"

namespace weir::golden {
namespace {

constexpr size_t kSizeMax = size_t{64} << 20;
constexpr size_t kTarBlock = 512;

std::string unpacked(std::string_view name) {
  std::string packed = file(name);
  auto content = protocol::decompress(protocol::Compression::kGzip, as_bytes(packed), kSizeMax);
  CHECK(content.has_value(), "{}: {}", name, content.error().message);
  return std::string(as_text(content->bytes));
}

size_t octal(std::string_view field) {
  size_t value = 0;
  std::from_chars(field.data(), field.data() + field.size(), value, 8);
  return value;
}

// Where the value of member `name` begins.
size_t value_at(std::string_view line, std::string_view name) {
  std::string wanted = "\"" + std::string(name) + "\":";
  size_t at = line.find(wanted);
  CHECK(at != std::string_view::npos, "no {} in {}", name, line);
  return at + wanted.size();
}

}  // namespace

std::string file(std::string_view name) {
  std::string path = std::string(WEIR_SOURCE_DIR "/tests/golden/") + std::string(name);
  std::ifstream in(path, std::ios::binary);
  CHECK(in.good(), "cannot read {}", path);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines(std::string_view name) {
  std::string content = unpacked(name);
  std::vector<std::string> found;
  for (size_t at = 0; at < content.size();) {
    size_t end = std::min(content.find('\n', at), content.size());
    found.push_back(content.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

std::map<std::string, std::string> archive(std::string_view name) {
  std::string content = unpacked(name);
  std::map<std::string, std::string> files;
  for (size_t at = 0; at + kTarBlock <= content.size() && content[at] != '\0';) {
    std::string_view header(content.data() + at, kTarBlock);
    std::string path(header.substr(0, header.substr(0, 100).find('\0')));
    size_t size = octal(header.substr(124, 11));
    char type = header[156];
    if (type == '0' || type == '\0') files[path] = content.substr(at + kTarBlock, size);
    at += kTarBlock + (size + kTarBlock - 1) / kTarBlock * kTarBlock;
  }
  return files;
}

ByteVector from_hex(std::string_view hex) {
  ByteVector bytes(hex.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    auto [end, error] = std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, bytes[i], 16);
    CHECK(error == std::errc() && end == hex.data() + 2 * i + 2, "no hex: {}", hex);
  }
  return bytes;
}

std::string to_hex(ByteView bytes) {
  std::string hex;
  protocol::append_hex(hex, bytes);
  return hex;
}

std::string_view text_of(std::string_view line, std::string_view name) {
  size_t at = value_at(line, name);
  CHECK(line[at] == '"', "{} is no string in {}", name, line);
  return line.substr(at + 1, line.find('"', at + 1) - at - 1);
}

int64_t number_of(std::string_view line, std::string_view name) {
  size_t at = value_at(line, name);
  int64_t value = 0;
  auto [end, error] = std::from_chars(line.data() + at, line.data() + line.size(), value);
  CHECK(error == std::errc(), "{} is no number in {}", name, line);
  return value;
}

std::string_view json_of(std::string_view line, std::string_view name, std::string_view next) {
  size_t at = value_at(line, name);
  if (next.empty()) return line.substr(at, line.size() - at - 1);
  return line.substr(at, line.find(",\"" + std::string(next) + "\":", at) - at);
}

}  // namespace weir::golden
