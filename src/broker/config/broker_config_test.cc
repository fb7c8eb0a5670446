#include "broker/config/broker_config.h"

#include <gtest/gtest.h>

#include "broker/config/connection_limits.h"
#include "broker/config/properties.h"

namespace weir::broker {
namespace {

ConfigMap with(ConfigMap changes) {
  ConfigMap settings = default_settings();
  for (auto& [name, value] : changes) settings[name] = value;
  return settings;
}

ConfigMap without(std::string_view name) {
  ConfigMap settings = default_settings();
  settings.erase(std::string(name));
  return settings;
}

BrokerConfig made(ConfigMap settings) {
  auto config = BrokerConfig::make(std::move(settings), "host.example");
  EXPECT_TRUE(config.has_value()) << (config ? "" : config.error().message);
  return config ? *std::move(config) : *BrokerConfig::make(default_settings(), "host.example");
}

std::string complaint(ConfigMap settings) {
  const auto config = BrokerConfig::make(std::move(settings), "host.example");
  EXPECT_FALSE(config.has_value());
  return config ? "" : config.error().message;
}

TEST(BrokerConfig, ReplicaSelectorIsTheOneByRackOrTheLeader) {
  EXPECT_FALSE(made(default_settings()).selects_replica_by_rack());
  const auto by_rack =
      made(with({{"replica.selector.class", "org.apache.kafka.common.replica.RackAwareReplicaSelector"}}));
  EXPECT_TRUE(by_rack.selects_replica_by_rack());
  EXPECT_EQ(by_rack.warnings(), std::vector<std::string>{});
  const auto other = made(with({{"replica.selector.class", "org.example.Selector"}}));
  EXPECT_FALSE(other.selects_replica_by_rack());
  ASSERT_EQ(other.warnings().size(), 1U);
  EXPECT_TRUE(other.warnings()[0].starts_with("replica.selector.class: org.example.Selector is a Java class"));
}

TEST(BrokerConfig, WithoutAFileIsOneNodeOnTheLoopback) {
  const auto config = made(default_settings());
  EXPECT_EQ(config.node_id(), NodeId(1));
  EXPECT_TRUE(config.is_broker());
  EXPECT_TRUE(config.is_controller());
  EXPECT_EQ(config.log_dirs(), std::vector<std::string>{"weir-data"});
  EXPECT_EQ(config.metadata_log_dir(), "weir-data");
  ASSERT_EQ(config.advertised_listeners().size(), 2U);
  EXPECT_EQ(config.advertised_listeners()[0].endpoint, (Endpoint{"127.0.0.1", 9092}));
  EXPECT_TRUE(config.is_controller_listener("CONTROLLER"));
  EXPECT_EQ(config.http_listener(), (Endpoint{"127.0.0.1", 9644}));
  EXPECT_EQ(config.internal_topic_settings().at("__consumer_offsets").replication_factor, 1);
  EXPECT_EQ(config.warnings(), std::vector<std::string>{});
}

// Port 0 once counted as taken, and the end of the list was read.
TEST(BrokerConfig, ListenersMayAskForAnyFreePort) {
  auto settings = default_settings();
  settings["listeners"] = "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0";
  EXPECT_EQ(made(settings).listeners()[0].endpoint.port, 0);
}

TEST(BrokerConfig, TakesKafkasOwnFile) {
  const auto settings = parse_properties(R"(
process.roles=broker,controller
node.id=7
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://kafka.example:9092,CONTROLLER://kafka.example:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
log.dirs=/data/a, /data/b
num.partitions=4
log.retention.hours=168
)");
  ASSERT_TRUE(settings.has_value());
  const auto config = made(*settings);
  EXPECT_EQ(config.node_id(), NodeId(7));
  EXPECT_EQ(config.log_dirs(), (std::vector<std::string>{"/data/a", "/data/b"}));
  EXPECT_EQ(config.num_partitions(), 4);
  EXPECT_EQ(config.advertised_listeners()[0].endpoint, (Endpoint{"kafka.example", 9092}));
  EXPECT_EQ(config.warnings(), std::vector<std::string>{});
}

TEST(BrokerConfig, WarnsOfUnknownSettingsAndOfThoseWithoutEffect) {
  const auto config = made(with({{"log.dirz", "x"},
                                 {"group.share.min.heartbeat.interval.ms", "3"},
                                 {"num.io.threads", "16"},
                                 {"listener.name.plaintext.max.connections", "5"}}));
  ASSERT_EQ(config.warnings().size(), 2U);
  EXPECT_TRUE(config.warnings()[0].starts_with("group.share.min.heartbeat.interval.ms has no effect: "))
      << config.warnings()[0];
  EXPECT_EQ(config.warnings()[1], "log.dirz is not a known setting and is ignored; is log.dir meant?");
}

TEST(BrokerConfig, NamesWhatIsMissing) {
  for (const auto* name :
       {"node.id", "process.roles", "controller.listener.names", "controller.quorum.bootstrap.servers"}) {
    EXPECT_TRUE(complaint(without(name)).starts_with(std::string(name) + " is missing")) << name;
  }
}

TEST(BrokerConfig, RefusesWhatContradictsItself) {
  EXPECT_NE(complaint(with({{"broker.id", "2"}})), "");
  EXPECT_NE(complaint(with({{"listeners", "PLAINTEXT://:9092"}})), "") << "a controller without its listener";
  EXPECT_NE(complaint(with({{"listeners", "CONTROLLER://:9093"}})), "") << "a broker without a listener";
  EXPECT_NE(complaint(with({{"process.roles", "broker"}})), "") << "a controller listener without a controller";
  EXPECT_NE(complaint(with({{"listeners", "PLAINTEXT://h:1,CONTROLLER://h:1"}})), "") << "one port twice";
  EXPECT_NE(complaint(with({{"listeners", "PLAINTEXT://h:1,PLAINTEXT://h:2,CONTROLLER://h:3"}})), "")
      << "one name twice";
  EXPECT_NE(complaint(with({{"controller.quorum.voters", "2@h:9093"}})), "") << "a controller that is no voter";
  EXPECT_NE(complaint(with({{"log.dirs", "/a,/a"}})), "");
  EXPECT_NE(complaint(with({{"inter.broker.listener.name", "CONTROLLER"}})), "");
  EXPECT_NE(
      complaint(with({{"inter.broker.listener.name", "PLAINTEXT"}, {"security.inter.broker.protocol", "PLAINTEXT"}})),
      "");
  EXPECT_NE(complaint(with({{"group.min.session.timeout.ms", "9"}, {"group.max.session.timeout.ms", "8"}})), "");
  EXPECT_NE(complaint(with({{"log.retention.ms", "0"}})), "");
  EXPECT_NE(complaint(with({{"max.connections.per.ip.overrides", "127.0.0.1"}})), "");
}

TEST(BrokerConfig, RefusesToBeOpenWhereItWasToldToBeClosed) {
  EXPECT_NE(complaint(with({{"authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"}})),
            "");
  EXPECT_NE(complaint(with({{"listener.security.protocol.map", "PLAINTEXT:SASL_SSL,CONTROLLER:PLAINTEXT"}})), "");
}

TEST(BrokerConfig, AdvertisesAnAddressThatClientsCanUse) {
  const auto config = made(with({{"listeners", "PLAINTEXT://:9092,CONTROLLER://127.0.0.1:9093"}}));
  EXPECT_EQ(config.listeners()[0].endpoint.host, "");
  EXPECT_EQ(config.advertised_listeners()[0].endpoint.host, "host.example");
  EXPECT_NE(complaint(with({{"listeners", "PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093"}})), "");
  EXPECT_NE(complaint(with({{"advertised.listeners", "PLAINTEXT://0.0.0.0:9092"}})), "");
  EXPECT_NE(complaint(with({{"advertised.listeners", "OTHER://h:9092"}})), "");
  const auto behind = made(with(
      {{"listeners", "PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093"}, {"advertised.listeners", "PLAINTEXT://h:1"}}));
  ASSERT_EQ(behind.advertised_listeners().size(), 2U);
  EXPECT_EQ(behind.advertised_listeners()[0].endpoint, (Endpoint{"h", 1}));
}

TEST(BrokerConfig, ABadValueNamesItsSetting) {
  EXPECT_EQ(complaint(with({{"num.partitions", "0"}})),
            "Invalid value 0 for configuration num.partitions: Value must be at least 1");
  EXPECT_TRUE(complaint(with({{"controller.quorum.voters", "1@"}})).starts_with("controller.quorum.voters: "));
  EXPECT_TRUE(complaint(with({{"listeners", "9092"}})).starts_with("listeners: "));
}

TEST(BrokerConfig, EveryAccessorFindsItsSetting) {
  const auto config = made(default_settings());
  EXPECT_EQ(config.socket_request_max_bytes(), 104'857'600);
  EXPECT_EQ(config.connections_max_idle_ms(), 600'000);
  EXPECT_EQ(config.fetch_session_slots(), 1000);
  EXPECT_EQ(config.metadata_log_segment_bytes(), 1 << 30);
  EXPECT_EQ(config.group_config().session_timeout_max_ms, 1'800'000);
  EXPECT_EQ(config.threads() + config.disk_threads(), 0U);
  const int64_t others =
      config.metadata_log_segment_ms() + config.metadata_snapshot_bytes() + config.metadata_snapshot_interval_ms() +
      config.metadata_retention_bytes() + config.metadata_retention_ms() + config.metadata_idle_interval_ms() +
      config.broker_heartbeat_interval_ms() + config.broker_session_timeout_ms() + config.default_replication_factor() +
      config.fetch_max_bytes() + config.request_partitions_max() + config.retention_check_interval_ms() +
      config.recovery_point_interval_ms() + config.start_offset_interval_ms() + config.high_watermark_interval_ms() +
      config.producer_id_check_interval_ms();
  EXPECT_GT(others, 0) << "an accessor whose setting has no default would have stopped the test";
  EXPECT_TRUE(config.auto_create_topics() && config.delete_topic_enabled());
}

TEST(ConnectionLimits, OfOneAddressCanBeSetApart) {
  BrokerLayers layers;
  layers.static_broker = {{"max.connections.per.ip", "5"}, {"max.connections.per.ip.overrides", "10.0.0.1:7, ::1:9"}};
  const auto limits = ConnectionLimits::of(layers);
  ASSERT_TRUE(limits.has_value()) << limits.error().message;
  EXPECT_EQ(limits->open_max, size_t{INT32_MAX});
  EXPECT_EQ(limits->per_host("10.0.0.1"), 7U);
  EXPECT_EQ(limits->per_host("::1"), 9U);
  EXPECT_EQ(limits->per_host("10.0.0.2"), 5U);
}

TEST(ConnectionLimits, ChangeWithTheBrokersDynamicSettings) {
  BrokerLayers layers;
  layers.static_broker = {{"max.connections", "5"}};
  layers.dynamic_cluster = {{"max.connections", "6"}};
  EXPECT_EQ(ConnectionLimits::of(layers)->open_max, 6U);
  layers.dynamic_broker = {{"max.connections", "7"}};
  EXPECT_EQ(ConnectionLimits::of(layers)->open_max, 7U);
}

TEST(ListenerConfig, ReadsAddressesOfEveryKind) {
  EXPECT_EQ(parse_endpoint("[::1]:9092"), (Endpoint{"::1", 9092}));
  EXPECT_EQ(parse_endpoint(":9092"), (Endpoint{"", 9092}));
  for (const auto* text : {"9092", "h", "h:", "h:x", "h:65536", "::1:9092", "h:-1"})
    EXPECT_FALSE(parse_endpoint(text).has_value()) << text;
  EXPECT_EQ(parse_voters("1@a:1, 2@b:2"), (std::vector<QuorumVoter>{{NodeId(1), {"a", 1}}, {NodeId(2), {"b", 2}}}));
  EXPECT_FALSE(parse_voters("1@a:1,1@b:2").has_value());
  EXPECT_FALSE(parse_endpoints("h:0").has_value());
}

}  // namespace
}  // namespace weir::broker
