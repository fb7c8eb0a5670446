// Hashes, varints and ids as Kafka computed them.
#include <gtest/gtest.h>

#include <array>

#include "base/uuid.h"
#include "golden/golden.h"
#include "protocol/crc32c.h"
#include "protocol/hash.h"
#include "protocol/reader.h"
#include "protocol/varint.h"

namespace weir::protocol {
namespace {

// The rows of one member of hashes.json, each a list of strings and numbers.
std::vector<std::vector<std::string>> rows(std::string_view name) {
  std::string file = golden::file("hashes.json");
  std::string_view text = golden::json_of(file, name);
  std::vector<std::vector<std::string>> found;
  for (size_t at = 1; text[at] == '[';) {
    auto& row = found.emplace_back();
    while (text[at] != ']') {
      ++at;
      bool quoted = text[at] == '"';
      size_t start = at + (quoted ? 1 : 0);
      size_t end = quoted ? text.find('"', start) : text.find_first_of(",]", start);
      row.emplace_back(text.substr(start, end - start));
      at = end + (quoted ? 1 : 0);
    }
    at += text[at + 1] == ',' ? 2 : 1;
  }
  return found;
}

TEST(GoldenHashes, Murmur2AndThePartitionOfAKey) {
  EXPECT_GT(rows("murmur2").size(), 20U);
  for (const auto& row : rows("murmur2")) {
    ByteVector key = golden::from_hex(row[0]);
    EXPECT_EQ(murmur2(key), std::stol(row[1])) << row[0];
    EXPECT_EQ(partition_for_key(key, 12), std::stol(row[2])) << row[0];
  }
}

TEST(GoldenHashes, JavaStringHashAndThePartitionOfAGroup) {
  EXPECT_EQ(rows("javaStringHash").size(), 8U);
  for (const auto& row : rows("javaStringHash")) {
    EXPECT_EQ(java_string_hash(row[0]), std::stol(row[1])) << row[0];
    EXPECT_EQ(partition_for_id(row[0], 50), std::stol(row[2])) << row[0];
  }
}

TEST(GoldenHashes, Crc32cOfAnyLengthAndInParts) {
  EXPECT_GT(rows("crc32c").size(), 4U);
  for (const auto& row : rows("crc32c")) {
    ByteVector bytes = golden::from_hex(row[0]);
    EXPECT_EQ(crc32c(bytes), std::stoul(row[1])) << row[0];
    ByteView view(bytes);
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
      ASSERT_EQ(crc32c(view.subspan(cut), crc32c(view.first(cut))), std::stoul(row[1])) << row[0] << " cut at " << cut;
    }
  }
}

TEST(GoldenHashes, Crc32cOfTheUsualCheckString) { EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U); }

TEST(GoldenHashes, ShortAndLongInputsAgreeOnTheChecksum) {
  // Long inputs go another way than short ones: join short ones up to past the border.
  ByteVector bytes(5000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + (i >> 8));
  uint32_t joined = 0;
  for (size_t at = 0; at < bytes.size(); at += 100) {
    joined = crc32c(ByteView(bytes).subspan(at, 100), joined);
    ASSERT_EQ(crc32c(ByteView(bytes).first(at + 100)), joined) << at;
  }
}

TEST(GoldenVarints, EncodeAndDecode) {
  EXPECT_EQ(rows("varint").size(), 13U);
  for (const auto& row : rows("varint")) {
    int64_t value = std::stoll(row[0]);
    std::array<uint8_t, kVarlongBytesMax> buffer{};
    auto size = static_cast<size_t>(put_varlong(buffer.data(), value) - buffer.data());
    EXPECT_EQ(golden::to_hex(ByteView(buffer).first(size)), row[1]) << row[0];
    EXPECT_EQ(varlong_size(value), size);
    Reader in(ByteView(buffer).first(size));
    EXPECT_EQ(in.varlong(), value);
    EXPECT_EQ(in.remaining(), 0U);
  }
}

TEST(GoldenIds, TextAndBytes) {
  EXPECT_EQ(rows("uuid").size(), 6U);
  for (const auto& row : rows("uuid")) {
    ByteVector bytes = golden::from_hex(row[0]);
    EXPECT_EQ(Uuid::from_bytes(bytes.data()).to_string(), row[1]);
    auto parsed = Uuid::parse(row[1]);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(*parsed, Uuid::from_bytes(bytes.data()));
  }
}

}  // namespace
}  // namespace weir::protocol
