#include "broker/config/config_value.h"

#include <gtest/gtest.h>

namespace weir::broker {
namespace {

std::string topic_complaint(std::string name, std::string value) {
  const auto result = validate_topic_configs({{std::move(name), std::move(value)}});
  return result ? "" : result.error().message;
}

TEST(ConfigValue, AcceptsWhatKafkaAcceptsForATopic) {
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"retention.ms", "-1"},
                                                        {"retention.ms", " 1000 "},
                                                        {"retention.ms", "+5"},
                                                        {"cleanup.policy", ""},
                                                        {"cleanup.policy", "compact,delete"},
                                                        {"cleanup.policy", "[compact, delete, delete]"},
                                                        {"preallocate", "TRUE"},
                                                        {"compression.gzip.level", "-1"},
                                                        {"compression.zstd.level", "-131072"},
                                                        {"min.cleanable.dirty.ratio", "0.25"},
                                                        {"leader.replication.throttled.replicas", "*"},
                                                        {"leader.replication.throttled.replicas", "0:1,1:2"}}) {
    EXPECT_EQ(topic_complaint(name, value), "") << name << "=" << value;
  }
}

// The sentences are those that Apache Kafka 4.3.1 answers, which its tools show and tests of applications look for.
TEST(ConfigValue, RefusesBadValuesOfATopicInKafkasWords) {
  EXPECT_EQ(topic_complaint("segment.bytes", "12"),
            "Invalid value 12 for configuration segment.bytes: Value must be at least 1048576");
  EXPECT_EQ(topic_complaint("segment.bytes", "abc"),
            "Invalid value abc for configuration segment.bytes: Not a number of type INT");
  EXPECT_EQ(topic_complaint("segment.bytes", "99999999999"),
            "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT");
  EXPECT_EQ(topic_complaint("retention.ms", "99999999999999999999"),
            "Invalid value 99999999999999999999 for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(topic_complaint("cleanup.policy", "foo"),
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete");
  EXPECT_EQ(topic_complaint("preallocate", "maybe"),
            "Invalid value maybe for configuration preallocate: Expected value to be either true or false");
  EXPECT_EQ(topic_complaint("min.cleanable.dirty.ratio", "2"),
            "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more than 1");
  EXPECT_EQ(topic_complaint("min.cleanable.dirty.ratio", "x"),
            "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE");
  EXPECT_EQ(topic_complaint("compression.gzip.level", "0"),
            "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1");
  EXPECT_EQ(topic_complaint("foo.bar", "1"), "Unknown topic config name: foo.bar");
  EXPECT_NE(topic_complaint("leader.replication.throttled.replicas", "foo"), "");
  EXPECT_NE(topic_complaint("leader.replication.throttled.replicas", "0:x"), "");
}

TEST(ConfigValue, RefusesTopicSettingsThatContradictEachOther) {
  EXPECT_FALSE(validate_topic_configs({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "9"}}).has_value());
  EXPECT_TRUE(validate_topic_configs({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "10"}}).has_value());
}

TEST(ConfigValue, RefusesTieredStorageWhichIsNotThere) {
  EXPECT_NE(topic_complaint("remote.storage.enable", "true"), "");
  EXPECT_EQ(topic_complaint("remote.storage.enable", "false"), "");
}

TEST(ConfigValue, ChecksWhetherABrokerSettingCanChangeAtRunTime) {
  const auto complaint = [](ConfigMap configs, bool cluster_wide) {
    const auto result = validate_broker_configs(configs, cluster_wide);
    return result ? "" : result.error().message;
  };
  EXPECT_EQ(complaint({{"node.id", "3"}}, false), "Cannot update these configs dynamically: [node.id]");
  EXPECT_EQ(complaint({{"listeners", "PLAINTEXT://:1"}}, true),
            "Cannot update these configs at default cluster level, broker id must be specified: [listeners]");
  EXPECT_EQ(complaint({{"listeners", "PLAINTEXT://:1"}}, false), "");
  EXPECT_EQ(complaint({{"message.max.bytes", "-1"}}, true),
            "Invalid value -1 for configuration message.max.bytes: Value must be at least 0");
  EXPECT_EQ(complaint({{"foo.bar", "1"}, {"log.retention.ms", "-1"}}, true), "");
}

TEST(ConfigValue, HoldsGroupSettingsWithinTheLimitsOfTheBroker) {
  EXPECT_EQ(validate_group_configs({{"consumer.session.timeout.ms", "44999"}}, {}).error().message,
            "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms");
  EXPECT_TRUE(validate_group_configs({{"consumer.session.timeout.ms", "44999"}},
                                     {{"group.consumer.min.session.timeout.ms", "1000"}}));
  EXPECT_EQ(validate_group_configs({{"share.partition.max.record.locks", "10001"}}, {}).error().message,
            "share.partition.max.record.locks must be less than or equal to "
            "group.share.max.partition.max.record.locks");
  EXPECT_FALSE(validate_group_configs({{"streams.num.standby.replicas", "3"}}, {}));
  EXPECT_TRUE(validate_group_configs({{"streams.num.standby.replicas", "2"}}, {}));
}

TEST(ConfigValue, ChecksClientMetricsSettings) {
  EXPECT_TRUE(validate_client_metrics_configs(
      {{"interval.ms", "100"}, {"match", "client_id=app-[0-9]+, client_software_name=.*"}, {"metrics", "a.,b."}}));
  EXPECT_EQ(validate_client_metrics_configs({{"nope", "1"}}).error().code, Errc::kUnsupported);
  EXPECT_EQ(validate_client_metrics_configs({{"interval.ms", "99"}}).error().code, Errc::kUnsupported);
  EXPECT_EQ(validate_client_metrics_configs({{"interval.ms", "x"}}).error().code, Errc::kInvalidArgument);
}

TEST(ConfigValue, ChecksGroupSettings) {
  EXPECT_TRUE(validate_group_configs({{"share.auto.offset.reset", "by_duration:P1DT2H3M4.5S"}}, {}).has_value());
  EXPECT_TRUE(
      validate_group_configs({{"share.auto.offset.reset", "earliest"}, {"consumer.session.timeout.ms", "45000"}}, {})
          .has_value());
  for (const auto* reset : {"x", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:1D", "by_duration:P1H",
                            "by_duration:PT1M2H", "by_duration:PT1.5M"}) {
    EXPECT_FALSE(validate_group_configs({{"share.auto.offset.reset", reset}}, {}).has_value()) << reset;
  }
  EXPECT_EQ(validate_group_configs({{"foo", "1"}}, {}).error().message, "Unknown group config name: foo");
}

TEST(ConfigValue, DoesNotRepeatAPassword) {
  const ConfigKey key{"secret",          ConfigType::kPassword, nullptr,         one_of("a"),
                      Importance::kHigh, Update::kReadOnly,     Support::kWorks, ""};
  const auto result = validate_config(key, "hunter2");
  ASSERT_FALSE(result.has_value());
  EXPECT_FALSE(result.error().message.contains("hunter2"));
}

TEST(ConfigKeys, EveryDefaultFitsItsKey) {
  for (auto section :
       {ConfigSection::kBroker, ConfigSection::kTopic, ConfigSection::kGroup, ConfigSection::kClientMetrics}) {
    std::string_view before;
    for (const ConfigKey* key : config_keys(section)) {
      EXPECT_LT(before, key->name) << "sorted, and none twice";
      before = key->name;
      EXPECT_FALSE(key->note.empty()) << key->name;
      EXPECT_EQ(find_config_key(section, key->name), key);
      if (key->default_value == nullptr) continue;
      const auto fits = validate_config(*key, key->default_value);
      EXPECT_TRUE(fits.has_value()) << (fits ? "" : fits.error().message);
    }
  }
  EXPECT_EQ(config_keys(ConfigSection::kTopic).size(), 34U);
}

TEST(ConfigKeys, EveryDefaultOfATopicIsThatOfTheBrokerSettingBehindIt) {
  for (const ConfigKey* key : config_keys(ConfigSection::kTopic)) {
    const auto rows = broker_defaults(ConfigSection::kTopic, key->name);
    if (rows.empty()) continue;
    const ConfigKey* behind = find_config_key(ConfigSection::kBroker, rows.back().broker_key);
    ASSERT_NE(behind, nullptr) << rows.back().broker_key;
    ASSERT_NE(behind->default_value, nullptr) << rows.back().broker_key;
    if (rows.back().factor == 1) EXPECT_STREQ(behind->default_value, key->default_value) << key->name;
  }
}

TEST(ConfigKeys, TheNearestNameIsTheOneThatWasMeant) {
  const auto nearest = [](std::string_view name) {
    const ConfigKey* key = nearest_config_key(ConfigSection::kBroker, name);
    return key == nullptr ? std::string_view() : key->name;
  };
  EXPECT_EQ(nearest("log.dir"), "log.dir");
  EXPECT_EQ(nearest("log.dirss"), "log.dirs");
  EXPECT_EQ(nearest("auto.create.topic.enable"), "auto.create.topics.enable");
  EXPECT_EQ(nearest("num.partition"), "num.partitions");
  EXPECT_EQ(nearest("advertised.listener"), "advertised.listeners");
  EXPECT_EQ(nearest("confluent.balancer.enable.everything"), "");
  EXPECT_EQ(nearest(std::string(5000, 'x')), "");
}

}  // namespace
}  // namespace weir::broker
