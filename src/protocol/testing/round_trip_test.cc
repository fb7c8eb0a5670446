// Every message in every version, with made-up values.
#include <gtest/gtest.h>

#include <string>

#include "protocol/json/json.h"
#include "protocol/json/reflection.h"
#include "protocol/reader.h"
#include "protocol/testing/random_message.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

constexpr uint64_t kSeedsPerVersion = 20;

// Calls `check(info, version, seed)` for all messages, versions and some seeds; a failure tells which.
template <class Check>
void for_each_case(uint64_t seeds, Check check) {
  for (const MessageInfo* info : all_messages()) {
    for (int16_t version = info->versions.min; version <= info->versions.max; ++version) {
      for (uint64_t seed = 0; seed < seeds; ++seed) {
        SCOPED_TRACE(std::string(info->name) + " v" + std::to_string(version) + " seed " + std::to_string(seed));
        check(*info, version, seed);
        if (::testing::Test::HasFailure()) return;
      }
    }
  }
}

std::string json_of(const MessageInfo& info, const void* message, int16_t version) {
  std::string json;
  append_json(json, info, message, version);
  return json;
}

TEST(Messages, AreAllThere) {
  // 89 APIs with a request and a response, and 95 other messages: a schema lost would not be missed otherwise.
  EXPECT_EQ(all_messages().size(), 273U);
}

TEST(Messages, EveryVersionOfEachComesBackFromItsBytes) {
  for_each_case(kSeedsPerVersion, [](const MessageInfo& info, int16_t version, uint64_t seed) {
    RandomMessages random(seed);
    auto message = random.make(info, version);
    Writer out;
    auto encoded = info.encode(message.get(), out, version);
    ASSERT_TRUE(encoded.has_value()) << encoded.error().message;
    Reader in(out.view());
    auto again = info.make();
    auto decoded = info.decode(again.get(), in, version);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(in.remaining(), 0U);
    EXPECT_EQ(json_of(info, again.get(), version), json_of(info, message.get(), version));
    Writer twice;
    ASSERT_TRUE(info.encode(again.get(), twice, version).has_value());
    EXPECT_EQ(as_text(twice.view()), as_text(out.view()));
  });
}

TEST(Messages, CutShortAnywhereTheyAreRefused) {
  for_each_case(2, [](const MessageInfo& info, int16_t version, uint64_t seed) {
    RandomMessages random(seed);
    Writer out;
    ASSERT_TRUE(info.encode(random.make(info, version).get(), out, version).has_value());
    size_t step = 1 + out.size() / 200;
    for (size_t size = 0; size < out.size(); size += step) {
      Reader in(out.view().first(size));
      auto decoded = info.decode(info.make().get(), in, version);
      ASSERT_FALSE(decoded.has_value()) << "cut to " << size << " of " << out.size();
      EXPECT_EQ(decoded.error().code, Errc::kCorrupt);
    }
  });
}

TEST(Messages, DamagedBytesNeverCrashADecoder) {
  for_each_case(4, [](const MessageInfo& info, int16_t version, uint64_t seed) {
    RandomMessages random(seed);
    Writer out;
    ASSERT_TRUE(info.encode(random.make(info, version).get(), out, version).has_value());
    if (out.size() == 0) return;
    ByteVector damaged = to_vector(out.view());
    auto noise = as_bytes(random.bytes(32));
    for (uint8_t i : noise) {
      damaged[i * damaged.size() / 256] ^= static_cast<uint8_t>(i | 1);
      Reader in(damaged);
      auto message = info.make();
      if (info.decode(message.get(), in, version).has_value()) json_of(info, message.get(), version);
    }
  });
}

TEST(Messages, ReuseOfAnObjectLeavesNothingOfItsOldValue) {
  for_each_case(1, [](const MessageInfo& info, int16_t version, uint64_t seed) {
    RandomMessages random(seed);
    Writer empty;
    auto defaults = info.make();
    if (!info.encode(defaults.get(), empty, version).has_value()) return;  // a null that this version cannot carry
    auto message = random.make(info, info.versions.max);
    Reader in(empty.view());
    ASSERT_TRUE(info.decode(message.get(), in, version).has_value());
    for (int16_t shown = info.versions.min; shown <= info.versions.max; ++shown) {
      EXPECT_EQ(json_of(info, message.get(), shown), json_of(info, defaults.get(), shown));
    }
  });
}

TEST(Messages, VersionsOutsideTheRangeAreRefused) {
  for (const MessageInfo* info : all_messages()) {
    for (int16_t version : {int16_t{-1}, static_cast<int16_t>(info->versions.max + 1), int16_t{INT16_MAX}}) {
      Reader in(ByteView{});
      Writer out;
      auto message = info->make();
      auto decoded = info->decode(message.get(), in, version);
      auto encoded = info->encode(message.get(), out, version);
      ASSERT_TRUE(!decoded && decoded.error().code == Errc::kUnsupported) << info->name;
      ASSERT_TRUE(!encoded && encoded.error().code == Errc::kUnsupported) << info->name;
    }
  }
}

}  // namespace
}  // namespace weir::protocol
