#include "broker/config/broker_config.h"

#include <fmt/format.h>

#include <cctype>

#include "base/check.h"
#include "broker/config/config_value.h"
#include "broker/config/connection_limits.h"

namespace weir::broker {
namespace {

std::unexpected<Error> invalid(std::string message) { return fail(Errc::kInvalidArgument, std::move(message)); }

// The same error, with the setting it is about in front.
template <class T>
Result<T> of_setting(std::string_view name, Result<T> result) {
  if (!result) return fail(result.error().code, fmt::format("{}: {}", name, result.error().message));
  return result;
}

std::string joined(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ",")); }

Result<> check_cordoned(const ConfigMap& settings, const std::vector<std::string>& log_dirs) {
  const auto found = settings.find("cordoned.log.dirs");
  return found == settings.end() ? Result<>() : check_cordoned_log_dirs(found->second, log_dirs);
}

// listener.name.LISTENER.KEY sets KEY for one listener.
std::string_view without_listener_prefix(std::string_view name) {
  constexpr std::string_view kPrefix = "listener.name.";
  if (!name.starts_with(kPrefix)) return name;
  const auto dot = name.find('.', kPrefix.size());
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

std::string unknown_warning(std::string_view name) {
  const ConfigKey* nearest = nearest_config_key(ConfigSection::kBroker, name);
  if (nearest == nullptr) return fmt::format("{} is not a known setting and is ignored", name);
  return fmt::format("{} is not a known setting and is ignored; is {} meant?", name, nearest->name);
}

constexpr std::string_view kRackAwareSelector = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

constexpr std::string_view kCodecNames[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};

}  // namespace

ConfigMap default_settings() {
  return {{"node.id", "1"},
          {"process.roles", "broker,controller"},
          {"listeners", "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"},
          {"listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT"},
          {"controller.listener.names", "CONTROLLER"},
          {"controller.quorum.bootstrap.servers", "127.0.0.1:9093"},
          {"log.dirs", "weir-data"},
          // A cluster of one, and a person who waits.
          {"offsets.topic.replication.factor", "1"},
          {"group.initial.rebalance.delay.ms", "0"}};
}

Result<BrokerConfig> BrokerConfig::make(ConfigMap settings, std::string_view host_name) {
  BrokerConfig config;
  config.layers_.static_broker = std::move(settings);
  TRY(config.check_values());
  TRY(config.read_node());
  TRY(config.read_listeners());
  TRY(config.read_advertised_listeners(host_name));
  TRY(config.read_inter_broker_listener());
  TRY(config.read_quorum());
  TRY(config.check_quorum());
  TRY(config.check_limits());
  return config;
}

Result<> BrokerConfig::check_values() {
  for (const auto& [name, value] : settings()) {
    const ConfigKey* key = find_config_key(ConfigSection::kBroker, without_listener_prefix(name));
    if (key == nullptr || key->update == Update::kDynamicOnly) {
      warnings_.push_back(unknown_warning(name));
      continue;
    }
    TRY(validate_config(*key, value));
    const bool is_default = key->default_value != nullptr && value == key->default_value;
    if (key->support == Support::kNotBuilt && !is_default)
      warnings_.push_back(fmt::format("{} has no effect: {}", name, key->note));
  }
  if (!trim(text_or_empty("authorizer.class.name")).empty()) {
    return invalid(
        "authorizer.class.name is set, but authorization is not built yet: without it everything would be open to "
        "everybody");
  }
  return {};
}

Result<> BrokerConfig::read_node() {
  const auto id = text("node.id").value_or("-1");
  const auto older_id = settings().find("broker.id");
  if (older_id != settings().end() && settings().contains("node.id") && trim(older_id->second) != trim(id)) {
    return invalid(fmt::format("node.id is {} and broker.id, its older name, is {}: remove one", id, older_id->second));
  }
  node_id_ = NodeId(static_cast<int32_t>(parse_integer(id, -1, INT32_MAX).value_or(-1)));
  if (node_id_ == kNoNode) return invalid("node.id is missing: the number of this node, unique in the cluster");
  const auto roles = parse_list(text_or_empty("process.roles"));
  is_broker_ = contains(roles, "broker");
  read_replica_selector();
  is_controller_ = contains(roles, "controller");
  if (roles.empty()) return invalid("process.roles is missing: broker, controller, or broker,controller");
  log_dirs_ = parse_list(text("log.dirs").value_or(text_or_empty("log.dir")));
  if (log_dirs_.empty()) return invalid("log.dirs is empty: at least one data directory is needed");
  for (auto at = log_dirs_.begin(); at != log_dirs_.end(); ++at) {
    if (std::find(log_dirs_.begin(), at, *at) != at) return invalid(fmt::format("log.dirs names {} twice", *at));
  }
  metadata_log_dir_ = text("metadata.log.dir").value_or(log_dirs_.front());
  return check_cordoned(settings(), log_dirs_);
}

void BrokerConfig::read_replica_selector() {
  const std::string selector(trim(text_or_empty("replica.selector.class")));
  selects_replica_by_rack_ = selector == kRackAwareSelector;
  if (selector.empty() || selects_replica_by_rack_) return;
  warnings_.push_back(fmt::format(
      "replica.selector.class: {} is a Java class, and weir runs none: consumers read from the leader", selector));
}

bool BrokerConfig::is_controller_listener(std::string_view name) const {
  return contains(controller_listener_names_, name);
}

Result<> BrokerConfig::read_listeners() {
  TRY_ASSIGN(protocols_, of_setting("listener.security.protocol.map",
                                    parse_protocol_map(text_or_empty("listener.security.protocol.map"))));
  for (auto name : parse_list(text_or_empty("controller.listener.names"))) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    // Unless the map says otherwise controllers speak in the clear, as Kafka has it.
    if (!settings().contains("listener.security.protocol.map"))
      protocols_.try_emplace(name, SecurityProtocol::kPlaintext);
    controller_listener_names_.push_back(std::move(name));
  }
  if (controller_listener_names_.empty())
    return invalid("controller.listener.names is missing: the listeners of the controllers");
  TRY_ASSIGN(listeners_, of_setting("listeners", parse_listeners(text_or_empty("listeners"), protocols_)));
  if (listeners_.empty()) return invalid("listeners is empty: a node must listen somewhere");
  for (const auto& listener : listeners_) {
    if (listener.protocol != SecurityProtocol::kPlaintext) {
      return invalid(fmt::format("listeners: {} asks for {}, which is not built yet; PLAINTEXT is", listener.name,
                                 protocol_name(listener.protocol)));
    }
    const auto same_port = std::ranges::find_if(listeners_, [&](const ListenerConfig& other) {
      return other.endpoint == listener.endpoint && other.endpoint.port != 0;
    });
    if (same_port != listeners_.end() && &*same_port != &listener) {
      return invalid(fmt::format("listeners: {} and {} are on the same port {}", same_port->name, listener.name,
                                 listener.endpoint.port));
    }
  }
  const auto is_controllers = [&](const ListenerConfig& listener) { return is_controller_listener(listener.name); };
  if (is_controller_ && std::ranges::none_of(listeners_, is_controllers)) {
    return invalid(fmt::format("listeners has none of controller.listener.names ({}), which a controller needs",
                               joined(controller_listener_names_)));
  }
  if (!is_controller_ && std::ranges::any_of(listeners_, is_controllers)) {
    return invalid(
        fmt::format("listeners has one of controller.listener.names ({}), but process.roles has no controller",
                    joined(controller_listener_names_)));
  }
  if (is_broker_ && std::ranges::all_of(listeners_, is_controllers)) {
    return invalid("listeners has only controller listeners; a broker needs one for its clients");
  }
  if (const std::string http(trim(text_or_empty("weir.http.listener"))); !http.empty()) {
    TRY_ASSIGN(http_listener_, of_setting("weir.http.listener", parse_endpoint(http)));
  }
  if (const std::string target(trim(text_or_empty("weir.telemetry.otlp.endpoint"))); !target.empty()) {
    TRY_ASSIGN(telemetry_target_, of_setting("weir.telemetry.otlp.endpoint", parse_http_target(target)));
  }
  return {};
}

Result<> BrokerConfig::read_advertised_listeners(std::string_view host_name) {
  if (const auto advertised = text("advertised.listeners")) {
    TRY_ASSIGN(advertised_listeners_, of_setting("advertised.listeners", parse_listeners(*advertised, protocols_)));
  }
  for (const auto& listener : advertised_listeners_) {
    if (!contains(listeners_, listener.name, &ListenerConfig::name) && !is_controller_listener(listener.name)) {
      return invalid(fmt::format("advertised.listeners has {}, which is not in listeners", listener.name));
    }
    if (listener.endpoint.host == "0.0.0.0" || listener.endpoint.host == "::") {
      return invalid(fmt::format("advertised.listeners: nobody can connect to {}; give the address that clients use",
                                 listener.endpoint.host));
    }
  }
  // Controller listeners are advertised as they are where the setting leaves them out; others only when nothing is set.
  const bool all = advertised_listeners_.empty();
  for (auto listener : listeners_) {
    const bool listed = contains(advertised_listeners_, listener.name, &ListenerConfig::name);
    if (listed || (!all && !is_controller_listener(listener.name))) continue;
    if (!settings().contains("advertised.listeners") &&
        (listener.endpoint.host == "0.0.0.0" || listener.endpoint.host == "::")) {
      return invalid(
          fmt::format("listeners: {} is on every address ({}), so advertised.listeners must say which one clients use",
                      listener.name, listener.endpoint.host));
    }
    advertised_listeners_.push_back(std::move(listener));
  }
  for (auto& listener : advertised_listeners_) {
    if (listener.endpoint.host.empty()) listener.endpoint.host = host_name;
  }
  return {};
}

Result<> BrokerConfig::read_inter_broker_listener() {
  if (!is_broker_) return {};
  const auto name = text("inter.broker.listener.name");
  if (name && settings().contains("security.inter.broker.protocol")) {
    return invalid("inter.broker.listener.name and security.inter.broker.protocol are both set: only one may be");
  }
  TRY_ASSIGN(const auto protocol, parse_protocol(text_or_empty("security.inter.broker.protocol")));
  const std::string between = name.value_or(std::string(protocol_name(protocol)));
  if (is_controller_listener(between)) {
    return invalid(fmt::format("{} is a controller listener and cannot be the one between brokers", between));
  }
  if (!contains(advertised_listeners_, between, &ListenerConfig::name)) {
    return invalid(fmt::format(
        "the listener between brokers, {}, is not among the advertised ones: set inter.broker.listener.name", between));
  }
  inter_broker_listener_ = between;
  return {};
}

Result<> BrokerConfig::read_quorum() {
  TRY_ASSIGN(quorum_voters_,
             of_setting("controller.quorum.voters", parse_voters(text_or_empty("controller.quorum.voters"))));
  TRY_ASSIGN(quorum_bootstrap_servers_,
             of_setting("controller.quorum.bootstrap.servers",
                        parse_endpoints(text_or_empty("controller.quorum.bootstrap.servers"))));
  return {};
}

Result<> BrokerConfig::check_quorum() const {
  if (quorum_voters_.empty() && quorum_bootstrap_servers_.empty()) {
    return invalid(
        "controller.quorum.bootstrap.servers is missing: where the controllers are, as HOST:PORT,... "
        "(or controller.quorum.voters, as ID@HOST:PORT,...)");
  }
  const bool is_voter = contains(quorum_voters_, node_id_, &QuorumVoter::id);
  if (is_controller_ && !quorum_voters_.empty() && !is_voter) {
    return invalid(fmt::format("controller.quorum.voters leaves out node {}, whose process.roles has controller",
                               node_id_.value()));
  }
  if (!is_controller_ && is_voter) {
    return invalid(
        fmt::format("controller.quorum.voters has node {}, whose process.roles has no controller", node_id_.value()));
  }
  return {};
}

Result<> BrokerConfig::check_limits() const {
  for (const auto name : {"log.retention.ms", "log.retention.minutes", "log.retention.hours"}) {
    const auto value = text(name);
    const int64_t number = value ? parse_integer(*value, INT64_MIN, INT64_MAX).value_or(1) : 1;
    if (number == 0 || number < -1)
      return invalid(fmt::format("{} is {}: -1 for no limit, or at least 1", name, number));
  }
  if (int32("group.min.session.timeout.ms") > int32("group.max.session.timeout.ms")) {
    return invalid("group.min.session.timeout.ms is above group.max.session.timeout.ms");
  }
  if (int32("broker.heartbeat.interval.ms") * int64_t{2} > int32("broker.session.timeout.ms")) {
    return invalid(
        "broker.heartbeat.interval.ms is above half of broker.session.timeout.ms: the broker would be fenced while it "
        "lives");
  }
  const int32_t replicas = int32("default.replication.factor");
  if (replicas < 1 || replicas > INT16_MAX)
    return invalid(fmt::format("default.replication.factor is {}: from 1 to {}", replicas, INT16_MAX));
  const int32_t codec = int32("offsets.topic.compression.codec");
  if (codec < 0 || codec > 4)
    return invalid(fmt::format("offsets.topic.compression.codec is {}: from 0 (none) to 4 (zstd)", codec));
  TRY(check_consumer_groups());
  TRY(ConnectionLimits::of(layers_));
  return {};
}

int64_t BrokerConfig::metadata_log_segment_bytes() const {
  const auto internal = text("internal.metadata.log.segment.bytes");
  return internal ? parse_integer(*internal, 1, INT32_MAX).value_or(INT32_MAX) : integer("metadata.log.segment.bytes");
}

int64_t BrokerConfig::integer(std::string_view name) const {
  const auto value = text(name);
  const auto number =
      value ? parse_integer(*value, INT64_MIN, INT64_MAX) : Result<int64_t>(fail(Errc::kNotFound, "null"));
  CHECK(number.has_value(), "setting {} is no number", name);
  return *number;
}

bool BrokerConfig::boolean(std::string_view name) const {
  const auto value = parse_boolean(text_or_empty(name));
  CHECK(value.has_value(), "setting {} is neither true nor false", name);
  return *value;
}

std::map<std::string, InternalTopic, std::less<>> BrokerConfig::internal_topic_settings() const {
  const auto codec = kCodecNames[static_cast<size_t>(int32("offsets.topic.compression.codec"))];
  return {{"__consumer_offsets",
           {.partitions = int32("offsets.topic.num.partitions"),
            .replication_factor = static_cast<int16_t>(integer("offsets.topic.replication.factor")),
            .configs = {{"cleanup.policy", "compact"},
                        {"compression.type", codec == "uncompressed" ? "producer" : std::string(codec)},
                        {"segment.bytes", text_or_empty("offsets.topic.segment.bytes")}}}}};
}

QuotaWindows BrokerConfig::quota_windows() const {
  return {.count = int32("quota.window.num"), .size = seconds(int32("quota.window.size.seconds"))};
}

QuotaWindows BrokerConfig::controller_quota_windows() const {
  return {.count = int32("controller.quota.window.num"),
          .size = seconds(int32("controller.quota.window.size.seconds"))};
}

Result<std::vector<std::string>> BrokerConfig::consumer_assignors() const {
  std::vector<std::string> names;
  for (std::string& name : parse_list(text_or_empty("group.consumer.assignors"))) {
    // Kafka takes the class for the name, and classes that somebody has written.
    if (name == "org.apache.kafka.coordinator.group.assignor.UniformAssignor") name = "uniform";
    if (name == "org.apache.kafka.coordinator.group.assignor.RangeAssignor") name = "range";
    if (name != "uniform" && name != "range")
      return invalid(fmt::format("group.consumer.assignors has {}: there are uniform and range", name));
    if (contains(names, name)) return invalid(fmt::format("group.consumer.assignors has {} twice", name));
    names.push_back(std::move(name));
  }
  if (names.empty()) return invalid("group.consumer.assignors is empty: the first one is the default of a group");
  return names;
}

Result<> BrokerConfig::check_consumer_groups() const {
  TRY(consumer_assignors());
  struct Bounded {
    std::string_view min, value, max;
  };
  for (const Bounded& setting :
       {Bounded{"group.consumer.min.session.timeout.ms", "group.consumer.session.timeout.ms",
                "group.consumer.max.session.timeout.ms"},
        Bounded{"group.consumer.min.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms",
                "group.consumer.max.heartbeat.interval.ms"}}) {
    if (int32(setting.value) < int32(setting.min) || int32(setting.value) > int32(setting.max))
      return invalid(fmt::format("{} must be from {} to {}", setting.value, setting.min, setting.max));
  }
  if (int32("group.consumer.heartbeat.interval.ms") >= int32("group.consumer.session.timeout.ms"))
    return invalid("group.consumer.heartbeat.interval.ms must be below group.consumer.session.timeout.ms");
  return {};
}

GroupConfig BrokerConfig::group_config() const {
  GroupConfig config;
  config.initial_rebalance_delay = milliseconds(int32("group.initial.rebalance.delay.ms"));
  config.session_timeout_min_ms = int32("group.min.session.timeout.ms");
  config.session_timeout_max_ms = int32("group.max.session.timeout.ms");
  config.group_size_max = int32("group.max.size");
  config.consumer_group_size_max = int32("group.consumer.max.size");
  config.consumer_assignors = consumer_assignors().value();
  config.consumer_session_timeout_min_ms = int32("group.consumer.min.session.timeout.ms");
  config.consumer_session_timeout_max_ms = int32("group.consumer.max.session.timeout.ms");
  config.consumer_heartbeat_interval_min_ms = int32("group.consumer.min.heartbeat.interval.ms");
  config.consumer_heartbeat_interval_max_ms = int32("group.consumer.max.heartbeat.interval.ms");
  config.consumer_assignment_interval_min_ms = int32("group.consumer.min.assignment.interval.ms");
  config.consumer_assignment_interval_max_ms = int32("group.consumer.max.assignment.interval.ms");
  config.consumer_regex_refresh_interval = milliseconds(int32("group.consumer.regex.refresh.interval.ms"));
  std::string policy = text_or_empty("group.consumer.migration.policy");
  std::ranges::transform(policy, policy.begin(), [](unsigned char c) { return std::tolower(c); });
  config.consumer_upgrade = policy == "upgrade" || policy == "bidirectional";
  config.consumer_downgrade = policy == "downgrade" || policy == "bidirectional";
  config.offset_metadata_size_max = int32("offset.metadata.max.bytes");
  config.offsets_retention = std::chrono::minutes(integer("offsets.retention.minutes"));
  config.offsets_check_interval = milliseconds(integer("offsets.retention.check.interval.ms"));
  config.commit_timeout = milliseconds(int32("offsets.commit.timeout.ms"));
  return config;
}

}  // namespace weir::broker
