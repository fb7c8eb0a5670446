#include "broker/config/config_layers.h"

#include <gtest/gtest.h>

#include "broker/config/topic_config.h"

namespace weir::broker {
namespace {

const ConfigDescription& find(const std::vector<ConfigDescription>& configs, std::string_view name) {
  static const ConfigDescription kNone{};
  const auto at = std::ranges::find(configs, name, &ConfigDescription::name);
  EXPECT_NE(at, configs.end()) << name;
  return at == configs.end() ? kNone : *at;
}

std::string text(const std::vector<ConfigSynonym>& synonyms) {
  std::string out;
  for (const auto& synonym : synonyms) {
    out += std::to_string(static_cast<int>(synonym.source)) + ":" + synonym.name + "=" +
           synonym.value.value_or("null") + " ";
  }
  return out;
}

TEST(TopicConfig, HasKafkasDefaults) { EXPECT_EQ(resolve_topic_config({}, {}), TopicConfig{}); }

TEST(TopicConfig, TheStrongestLayerWins) {
  BrokerLayers layers;
  ConfigMap overrides;
  layers.static_broker["log.segment.bytes"] = "2000000";
  EXPECT_EQ(resolve_topic_config(overrides, layers).segment_bytes, 2'000'000);
  layers.dynamic_cluster["log.segment.bytes"] = "3000000";
  EXPECT_EQ(resolve_topic_config(overrides, layers).segment_bytes, 3'000'000);
  layers.dynamic_broker["log.segment.bytes"] = "4000000";
  EXPECT_EQ(resolve_topic_config(overrides, layers).segment_bytes, 4'000'000);
  overrides["segment.bytes"] = "5000000";
  EXPECT_EQ(resolve_topic_config(overrides, layers).segment_bytes, 5'000'000);
}

TEST(TopicConfig, TakesLongerUnitsWhereShorterOnesAreNotSet) {
  BrokerLayers layers;
  layers.static_broker = {{"log.retention.hours", "2"}, {"log.roll.hours", "3"}, {"log.roll.jitter.hours", "1"}};
  auto config = resolve_topic_config({}, layers);
  EXPECT_EQ(config.retention_ms, 7'200'000);
  EXPECT_EQ(config.segment_ms, 10'800'000);
  EXPECT_EQ(config.segment_jitter_ms, 3'600'000);
  layers.static_broker["log.retention.minutes"] = "5";
  EXPECT_EQ(resolve_topic_config({}, layers).retention_ms, 300'000);
  layers.static_broker["log.retention.ms"] = "7";
  EXPECT_EQ(resolve_topic_config({}, layers).retention_ms, 7);
}

TEST(TopicConfig, AnUnlimitedRetentionInHoursIsUnlimited) {
  BrokerLayers layers;
  layers.static_broker["log.retention.hours"] = "-1";
  EXPECT_EQ(resolve_topic_config({}, layers).retention_ms, -1);
}

TEST(TopicConfig, AValueThatDoesNotFitGivesWayToTheNextLayer) {
  BrokerLayers layers;
  layers.dynamic_cluster["log.segment.bytes"] = "garbage";
  layers.static_broker["log.segment.bytes"] = "2000000";
  EXPECT_EQ(resolve_topic_config({{"segment.bytes", "1"}}, layers).segment_bytes, 2'000'000);
}

TEST(TopicConfig, ReadsEveryKindOfValue) {
  const auto config = resolve_topic_config({{"cleanup.policy", "compact"},
                                            {"compression.type", "zstd"},
                                            {"message.timestamp.type", "LogAppendTime"},
                                            {"preallocate", "true"},
                                            {"internal.segment.bytes", "100"}},
                                           {});
  EXPECT_TRUE(config.compacts);
  EXPECT_FALSE(config.deletes_old_segments);
  EXPECT_EQ(config.compression, TopicCompression::kZstd);
  EXPECT_TRUE(config.message_timestamp_is_log_append_time);
  EXPECT_TRUE(config.preallocate);
  EXPECT_EQ(config.segment_bytes, 100);
}

// Values, sources and synonyms as Apache Kafka 4.3.1 with these settings answers.
TEST(DescribeTopic, ListsSourcesAndSynonymsStrongestFirst) {
  BrokerLayers layers;
  layers.static_broker = {{"log.roll.ms", "1000000"}};
  layers.dynamic_cluster = {{"min.insync.replicas", "1"}};
  const auto configs = describe_topic({{"retention.bytes", "5000"}}, layers);
  EXPECT_EQ(configs.size(), 33U);
  EXPECT_EQ(text(find(configs, "segment.ms").synonyms), "4:log.roll.ms=1000000 5:log.roll.hours=168 ");
  EXPECT_EQ(find(configs, "segment.ms").value, "1000000");
  EXPECT_EQ(text(find(configs, "retention.ms").synonyms), "") << "nothing is set under the strongest name";
  EXPECT_EQ(find(configs, "retention.ms").value, "604800000");
  EXPECT_EQ(text(find(configs, "min.insync.replicas").synonyms), "3:min.insync.replicas=1 5:min.insync.replicas=1 ");
  EXPECT_EQ(text(find(configs, "retention.bytes").synonyms), "1:retention.bytes=5000 5:log.retention.bytes=-1 ");
  EXPECT_EQ(find(configs, "retention.bytes").source, ConfigSource::kTopic);
  EXPECT_EQ(text(find(configs, "remote.storage.enable").synonyms), "");
  EXPECT_EQ(find(configs, "remote.storage.enable").source, ConfigSource::kDefault);
  EXPECT_EQ(find(configs, "cleanup.policy").type, ConfigType::kList);
  EXPECT_FALSE(find(configs, "cleanup.policy").is_read_only);
}

TEST(DescribeBroker, ShowsWhatCanChangeAndHidesSecrets) {
  BrokerLayers layers;
  layers.static_broker = {{"node.id", "1"},
                          {"log.retention.hours", "100"},
                          {"ssl.key.password", "hunter2"},
                          {"some.plugin.key", "x"},
                          {"listeners", "PLAINTEXT://:1"}};
  const auto configs = describe_broker(layers);
  EXPECT_TRUE(find(configs, "node.id").is_read_only);
  EXPECT_EQ(find(configs, "broker.id").value, "1");
  EXPECT_EQ(text(find(configs, "node.id").synonyms), "4:node.id=1 ");
  EXPECT_EQ(text(find(configs, "broker.id").synonyms), "4:broker.id=1 5:broker.id=-1 ");
  EXPECT_FALSE(find(configs, "listeners").is_read_only);
  EXPECT_EQ(find(configs, "log.retention.hours").value, "100");
  EXPECT_EQ(find(configs, "log.retention.ms").value, std::nullopt);
  EXPECT_EQ(find(configs, "ssl.key.password").value, std::nullopt);
  EXPECT_EQ(text(find(configs, "ssl.key.password").synonyms), "4:ssl.key.password=null ");
  EXPECT_TRUE(find(configs, "ssl.key.password").is_sensitive);
  EXPECT_TRUE(find(configs, "some.plugin.key").is_sensitive);
  EXPECT_EQ(find(configs, "some.plugin.key").value, std::nullopt);
}

TEST(DescribeBroker, ShowsTheClusterDefaultsAlone) {
  BrokerLayers layers;
  layers.static_broker = {{"log.retention.ms", "1"}};
  layers.dynamic_cluster = {{"message.max.bytes", "5"}};
  const auto configs = describe_cluster_defaults(layers);
  ASSERT_EQ(configs.size(), 1U);
  EXPECT_EQ(configs[0].value, "5");
  EXPECT_EQ(configs[0].source, ConfigSource::kDynamicCluster);
}

TEST(DescribeBroker, TakesWhatNobodyKnowsForASecretThatCannotChange) {
  BrokerLayers layers;
  layers.dynamic_cluster = {{"my.own", "5"}};
  const auto configs = describe_cluster_defaults(layers);
  ASSERT_EQ(configs.size(), 1U);
  EXPECT_TRUE(configs[0].is_read_only && configs[0].is_sensitive);
  EXPECT_EQ(configs[0].type, ConfigType::kUnknown);
}

TEST(DescribeClientMetrics, ShowsWhatIsSetAndTheDefaults) {
  const auto configs = describe_client_metrics({{"interval.ms", "1000"}}, {});
  EXPECT_EQ(text(find(configs, "interval.ms").synonyms), "7:interval.ms=1000 ");
  EXPECT_EQ(find(configs, "metrics").source, ConfigSource::kDefault);
}

TEST(DescribeGroup, TakesItsDefaultsFromTheBroker) {
  BrokerLayers layers;
  layers.static_broker = {{"group.consumer.heartbeat.interval.ms", "6000"}};
  const auto configs = describe_group({{"consumer.session.timeout.ms", "50000"}}, layers);
  EXPECT_EQ(find(configs, "consumer.heartbeat.interval.ms").value, "6000");
  EXPECT_EQ(find(configs, "consumer.session.timeout.ms").source, ConfigSource::kGroup);
  EXPECT_EQ(find(configs, "share.isolation.level").value, "read_uncommitted");
  EXPECT_EQ(text(find(configs, "share.isolation.level").synonyms), "5:share.isolation.level=read_uncommitted ");
}

}  // namespace
}  // namespace weir::broker
