#include "broker/quota/quota_table.h"

#include <gtest/gtest.h>

#include "broker/quota/quota_filter.h"

namespace weir::broker {
namespace {

using Name = std::optional<std::string>;
constexpr Name kDefault = std::nullopt;

class QuotaTableTest : public ::testing::Test {
 protected:
  void set(quorum::QuotaEntity entity, double value, const std::string& key = "producer_byte_rate") {
    image_.client_quotas.set(std::move(entity), {{key, value}});
  }
  // "BOUND USER/CLIENT" of what holds for a producer.
  std::string find(std::string_view user, std::string_view client) {
    const auto limit = QuotaTable(image_).find(QuotaKind::kProduce, user, client);
    if (!limit) return "none";
    return std::to_string(static_cast<int>(limit->bound)) + " " + limit->key.user + "/" + limit->key.client_id;
  }
  quorum::MetadataImage image_;
};

TEST_F(QuotaTableTest, TheMostSpecificEntityDecides) {
  EXPECT_EQ(find("alice", "app"), "none");
  set({{"client-id", kDefault}}, 8);
  EXPECT_EQ(find("alice", "app"), "8 /app");
  set({{"client-id", "app"}}, 7);
  EXPECT_EQ(find("alice", "app"), "7 /app");
  set({{"user", kDefault}}, 6);
  EXPECT_EQ(find("alice", "app"), "6 alice/");
  set({{"user", kDefault}, {"client-id", kDefault}}, 5);
  EXPECT_EQ(find("alice", "app"), "5 alice/app");
  set({{"user", kDefault}, {"client-id", "app"}}, 4);
  EXPECT_EQ(find("alice", "app"), "4 alice/app");
  set({{"user", "alice"}}, 3);
  EXPECT_EQ(find("alice", "app"), "3 alice/");
  set({{"user", "alice"}, {"client-id", kDefault}}, 2);
  EXPECT_EQ(find("alice", "app"), "2 alice/app");
  set({{"user", "alice"}, {"client-id", "app"}}, 1);
  EXPECT_EQ(find("alice", "app"), "1 alice/app");
  EXPECT_EQ(find("bob", "app"), "4 bob/app");
  EXPECT_EQ(find("bob", "other"), "5 bob/other");
}

TEST_F(QuotaTableTest, AClientWithoutAnIdHasOnlyTheLimitsOfUsers) {
  set({{"client-id", kDefault}}, 8);
  set({{"user", kDefault}, {"client-id", kDefault}}, 5);
  EXPECT_EQ(find("alice", ""), "none");
  set({{"user", kDefault}}, 6);
  EXPECT_EQ(find("alice", ""), "6 alice/");
}

TEST_F(QuotaTableTest, KindsAreApart) {
  set({{"user", "alice"}}, 1, "consumer_byte_rate");
  EXPECT_EQ(find("alice", "app"), "none");
  EXPECT_FALSE(QuotaTable(image_).limits(QuotaKind::kProduce));
  EXPECT_TRUE(QuotaTable(image_).limits(QuotaKind::kFetch));
}

TEST_F(QuotaTableTest, AddressesHaveTheirOwnLimitOrThatOfAll) {
  set({{"ip", "10.0.0.1"}}, 1, "connection_creation_rate");
  EXPECT_FALSE(QuotaTable(image_).find_address("10.0.0.2").has_value());
  set({{"ip", kDefault}}, 2, "connection_creation_rate");
  EXPECT_EQ(QuotaTable(image_).find_address("10.0.0.1")->bound, 1);
  EXPECT_EQ(QuotaTable(image_).find_address("10.0.0.2")->bound, 2);
}

// Another implementation may have written what this one refuses.
TEST_F(QuotaTableTest, QuotasThatMeanNothingHereArePassedOver) {
  set({{"user", "alice"}}, 1, "no_such_rate");
  set({{"user", "bob"}}, 0);
  set({{"planet", "earth"}}, 1);
  EXPECT_EQ(find("alice", "app"), "none");
  EXPECT_EQ(find("bob", "app"), "none");
}

std::string entity_problem(const quorum::QuotaEntity& entity) {
  const auto checked = check_quota_entity(entity);
  return checked ? "" : checked.error().message;
}

TEST(QuotaKey, EntitiesThatCannotBeLimitedAreRefused) {
  EXPECT_EQ(entity_problem({{"user", "alice"}, {"client-id", kDefault}}), "");
  EXPECT_EQ(entity_problem({}), "Invalid empty client quota entity");
  EXPECT_EQ(entity_problem({{"planet", "earth"}}), "Unhandled client quota entity type: planet");
  EXPECT_EQ(entity_problem({{"user", ""}}), "Empty user not supported");
  EXPECT_NE(entity_problem({{"ip", "10.0.0.1"}, {"user", "alice"}}), "");
}

TEST(QuotaKey, AddressesAreThoseOfTheInternet) {
  for (const char* good :
       {"10.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1"})
    EXPECT_EQ(entity_problem({{"ip", good}}), "") << good;
  for (const char* bad : {"10.0.0", "10.0.0.256", "10.0.0.1.2", "1:2:3:4:5:6:7", "1::2::3", "1:2:3:4:5:6:7:8:9", "host",
                          ":", "1:", "12345::"})
    EXPECT_NE(entity_problem({{"ip", bad}}), "") << bad;
}

std::string value_problem(const quorum::QuotaEntity& entity, std::string_view key, double value) {
  const auto checked = check_quota_value(entity, key, value);
  return checked ? "" : checked.error().message;
}

TEST(QuotaKey, ValuesAreThoseThatKafkaTakes) {
  const quorum::QuotaEntity user{{"user", "alice"}};
  EXPECT_EQ(value_problem(user, "producer_byte_rate", 1024), "");
  EXPECT_EQ(value_problem(user, "request_percentage", 0.5), "");
  EXPECT_EQ(value_problem(user, "producer_byte_rate", 0.5), "producer_byte_rate cannot be a fractional value.");
  EXPECT_EQ(value_problem(user, "producer_byte_rate", 0), "Quota producer_byte_rate must be greater than 0");
  EXPECT_EQ(value_problem(user, "producer_byte_rate", std::numeric_limits<double>::quiet_NaN()),
            "Quota producer_byte_rate must be greater than 0");
  EXPECT_EQ(value_problem(user, "consumer_byte_rate", 1e19),
            "Proposed value for consumer_byte_rate is too large for a LONG.");
  EXPECT_EQ(value_problem(user, "connection_creation_rate", 1), "Invalid configuration key connection_creation_rate");
  const quorum::QuotaEntity ip{{"ip", kDefault}};
  EXPECT_EQ(value_problem(ip, "connection_creation_rate", 5), "");
  EXPECT_EQ(value_problem(ip, "connection_creation_rate", 3e9),
            "Proposed value for connection_creation_rate is too large for an INT.");
  EXPECT_EQ(value_problem(ip, "producer_byte_rate", 5), "Invalid configuration key producer_byte_rate");
}

TEST(QuotaFilter, MatchesExactDefaultAndAny) {
  const quorum::QuotaEntity alice{{"user", "alice"}};
  const quorum::QuotaEntity anyone{{"user", kDefault}};
  const quorum::QuotaEntity alice_app{{"user", "alice"}, {"client-id", "app"}};
  const auto matching = [&](bool strict, int8_t match, std::optional<std::string_view> name) {
    QuotaFilter filter(strict);
    EXPECT_TRUE(filter.add("user", match, name).has_value());
    return std::vector<bool>{filter.matches(alice), filter.matches(anyone), filter.matches(alice_app)};
  };
  EXPECT_EQ(matching(false, 0, "alice"), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(matching(true, 0, "alice"), (std::vector<bool>{true, false, false}));
  EXPECT_EQ(matching(false, 1, std::nullopt), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(matching(true, 2, std::nullopt), (std::vector<bool>{true, true, false}));
  EXPECT_TRUE(QuotaFilter(false).matches(alice_app));
  EXPECT_FALSE(QuotaFilter(true).matches(alice_app));
}

TEST(QuotaFilter, RefusesWhatKafkaRefuses) {
  QuotaFilter filter(false);
  EXPECT_EQ(filter.add("planet", 2, std::nullopt).error().code, Errc::kUnsupported);
  for (const auto& [type, match, name] : std::vector<std::tuple<std::string, int8_t, std::optional<std::string_view>>>{
           {"", 0, "a"}, {"user", 0, std::nullopt}, {"user", 1, "a"}, {"user", 2, "a"}, {"user", 3, std::nullopt}}) {
    EXPECT_EQ(filter.add(type, match, name).error().code, Errc::kInvalidArgument) << type << int{match};
  }
  EXPECT_TRUE(filter.add("user", 0, "a").has_value());
  EXPECT_FALSE(filter.add("user", 0, "b").has_value());
  EXPECT_FALSE(filter.add("ip", 0, "10.0.0.1").has_value());
}

}  // namespace
}  // namespace weir::broker
