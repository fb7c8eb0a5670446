// BrokerConfig: what a node was told in its file and on its command line, checked and typed. What can change at run
// time is asked of the layers instead (config_layers.h, topic_config.h). Made once at start, not changed afterwards;
// any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "broker/config/config_layers.h"
#include "broker/config/listener_config.h"
#include "broker/group/group_config.h"
#include "broker/quota/quota_sensor.h"

namespace weir::broker {

// What weir start uses without a file: node 1, broker and controller, on 127.0.0.1, data in ./weir-data.
ConfigMap default_settings();

// A topic that the node makes for itself.
struct InternalTopic {
  int32_t partitions;
  int16_t replication_factor;
  ConfigMap configs;
};

class BrokerConfig {
 public:
  // Checks every value and that they fit each other. `host_name`: told to clients for listeners without a host.
  // kInvalidArgument says which setting is wrong, and what would be right.
  static Result<BrokerConfig> make(ConfigMap settings, std::string_view host_name);

  // Everything that was set, for DescribeConfigs.
  [[nodiscard]] const ConfigMap& settings() const { return layers_.static_broker; }
  // One line for each setting that is unknown (with the nearest known name) or has no effect yet.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  // The node.
  [[nodiscard]] NodeId node_id() const { return node_id_; }
  [[nodiscard]] bool is_broker() const { return is_broker_; }
  [[nodiscard]] bool is_controller() const { return is_controller_; }
  [[nodiscard]] std::optional<std::string> rack() const { return text("broker.rack"); }
  [[nodiscard]] const std::vector<std::string>& log_dirs() const { return log_dirs_; }
  [[nodiscard]] const std::string& metadata_log_dir() const { return metadata_log_dir_; }
  [[nodiscard]] uint32_t threads() const { return static_cast<uint32_t>(integer("weir.threads")); }  // 0: one a core
  [[nodiscard]] size_t group_lag_max() const { return static_cast<size_t>(integer("weir.metrics.group.lag.max")); }
  [[nodiscard]] uint32_t disk_threads() const {
    return static_cast<uint32_t>(integer("weir.disk.threads"));
  }  // 0: choose

  // Listeners, in the order they were written.
  [[nodiscard]] const std::vector<ListenerConfig>& listeners() const { return listeners_; }
  [[nodiscard]] const std::vector<ListenerConfig>& advertised_listeners() const { return advertised_listeners_; }
  [[nodiscard]] const std::vector<std::string>& controller_listener_names() const { return controller_listener_names_; }
  [[nodiscard]] bool is_controller_listener(std::string_view name) const;
  // Where /metrics, /livez and /readyz are served; none: nowhere.
  [[nodiscard]] const std::optional<Endpoint>& http_listener() const { return http_listener_; }

  // The quorum: the voters that are fixed in the file; none when they are kept in the log.
  [[nodiscard]] const std::vector<QuorumVoter>& quorum_voters() const { return quorum_voters_; }

  // Asked for the leader by who knows no voter.
  [[nodiscard]] const std::vector<Endpoint>& quorum_bootstrap_servers() const { return quorum_bootstrap_servers_; }
  [[nodiscard]] int32_t quorum_election_timeout_ms() const { return int32("controller.quorum.election.timeout.ms"); }
  [[nodiscard]] int32_t quorum_election_backoff_max_ms() const {
    return int32("controller.quorum.election.backoff.max.ms");
  }
  [[nodiscard]] int32_t quorum_fetch_timeout_ms() const { return int32("controller.quorum.fetch.timeout.ms"); }
  [[nodiscard]] int32_t quorum_request_timeout_ms() const { return int32("controller.quorum.request.timeout.ms"); }
  [[nodiscard]] int32_t quorum_retry_backoff_ms() const { return int32("controller.quorum.retry.backoff.ms"); }
  [[nodiscard]] bool quorum_auto_join() const { return boolean("controller.quorum.auto.join.enable"); }
  [[nodiscard]] int32_t quorum_fetch_max_bytes() const { return int32("controller.quorum.fetch.max.bytes"); }
  [[nodiscard]] int32_t quorum_fetch_snapshot_max_bytes() const {
    return int32("controller.quorum.fetch.snapshot.max.bytes");
  }

  // The metadata log.
  [[nodiscard]] int64_t metadata_log_segment_bytes() const;
  [[nodiscard]] int64_t metadata_log_segment_ms() const { return integer("metadata.log.segment.ms"); }
  [[nodiscard]] int64_t metadata_snapshot_bytes() const {
    return integer("metadata.log.max.record.bytes.between.snapshots");
  }
  [[nodiscard]] int64_t metadata_snapshot_interval_ms() const {
    return integer("metadata.log.max.snapshot.interval.ms");
  }
  [[nodiscard]] int64_t metadata_retention_bytes() const { return integer("metadata.max.retention.bytes"); }
  [[nodiscard]] int64_t metadata_retention_ms() const { return integer("metadata.max.retention.ms"); }
  [[nodiscard]] int32_t metadata_idle_interval_ms() const { return int32("metadata.max.idle.interval.ms"); }

  // Broker and controller.
  [[nodiscard]] int32_t broker_heartbeat_interval_ms() const { return int32("broker.heartbeat.interval.ms"); }
  [[nodiscard]] int32_t initial_registration_timeout_ms() const {
    return int32("initial.broker.registration.timeout.ms");
  }
  [[nodiscard]] bool auto_leader_rebalance() const { return boolean("auto.leader.rebalance.enable"); }
  [[nodiscard]] int64_t leader_imbalance_check_interval_s() const {
    return integer("leader.imbalance.check.interval.seconds");
  }
  [[nodiscard]] int32_t broker_session_timeout_ms() const { return int32("broker.session.timeout.ms"); }

  // Topics.
  [[nodiscard]] int32_t num_partitions() const { return int32("num.partitions"); }
  [[nodiscard]] int16_t default_replication_factor() const {
    return static_cast<int16_t>(integer("default.replication.factor"));
  }
  [[nodiscard]] bool auto_create_topics() const { return boolean("auto.create.topics.enable"); }
  [[nodiscard]] bool delete_topic_enabled() const { return boolean("delete.topic.enable"); }
  // By name: how __consumer_offsets is made.
  [[nodiscard]] std::map<std::string, InternalTopic, std::less<>> internal_topic_settings() const;

  // Connections and requests.
  [[nodiscard]] int32_t socket_request_max_bytes() const { return int32("socket.request.max.bytes"); }
  [[nodiscard]] int64_t connections_max_idle_ms() const {
    return integer("connections.max.idle.ms");
  }  // negative: no limit
  [[nodiscard]] int32_t fetch_max_bytes() const { return int32("fetch.max.bytes"); }
  [[nodiscard]] int32_t fetch_session_slots() const { return int32("max.incremental.fetch.session.cache.slots"); }
  [[nodiscard]] int32_t request_partitions_max() const { return int32("max.request.partition.size.limit"); }

  // Replication.
  [[nodiscard]] const std::string& inter_broker_listener() const { return inter_broker_listener_; }
  // The leader sends consumers to a replica in their rack.
  [[nodiscard]] bool selects_replica_by_rack() const { return selects_replica_by_rack_; }
  [[nodiscard]] int64_t replica_lag_time_max_ms() const { return integer("replica.lag.time.max.ms"); }
  [[nodiscard]] int32_t replica_fetch_backoff_ms() const { return int32("replica.fetch.backoff.ms"); }
  [[nodiscard]] int32_t replica_fetch_max_bytes() const { return int32("replica.fetch.max.bytes"); }
  [[nodiscard]] int32_t replica_fetch_min_bytes() const { return int32("replica.fetch.min.bytes"); }
  [[nodiscard]] int32_t replica_fetch_response_max_bytes() const { return int32("replica.fetch.response.max.bytes"); }
  [[nodiscard]] int32_t replica_fetch_wait_max_ms() const { return int32("replica.fetch.wait.max.ms"); }
  [[nodiscard]] int32_t replica_socket_timeout_ms() const { return int32("replica.socket.timeout.ms"); }

  // Logs.
  [[nodiscard]] int64_t log_dir_failure_timeout_ms() const { return integer("log.dir.failure.timeout.ms"); }
  [[nodiscard]] int64_t retention_check_interval_ms() const { return integer("log.retention.check.interval.ms"); }
  [[nodiscard]] int32_t recovery_point_interval_ms() const { return int32("log.flush.offset.checkpoint.interval.ms"); }
  [[nodiscard]] int32_t start_offset_interval_ms() const {
    return int32("log.flush.start.offset.checkpoint.interval.ms");
  }
  [[nodiscard]] int64_t high_watermark_interval_ms() const {
    return integer("replica.high.watermark.checkpoint.interval.ms");
  }
  [[nodiscard]] int32_t producer_id_check_interval_ms() const {
    return int32("producer.id.expiration.check.interval.ms");
  }

  // Quotas.
  [[nodiscard]] QuotaWindows quota_windows() const;
  [[nodiscard]] QuotaWindows controller_quota_windows() const;

  // Client telemetry.
  [[nodiscard]] int32_t telemetry_max_bytes() const { return int32("telemetry.max.bytes"); }
  // Where what clients push is sent on to; none: nowhere.
  [[nodiscard]] const std::optional<HttpTarget>& telemetry_target() const { return telemetry_target_; }

  // Groups.
  [[nodiscard]] GroupConfig group_config() const;
  [[nodiscard]] Result<std::vector<std::string>> consumer_assignors() const;

 private:
  BrokerConfig() = default;

  [[nodiscard]] std::optional<std::string> text(std::string_view name) const { return broker_value(layers_, name); }
  [[nodiscard]] int64_t integer(std::string_view name) const;  // of a setting that has a default
  [[nodiscard]] int32_t int32(std::string_view name) const { return static_cast<int32_t>(integer(name)); }
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] std::string text_or_empty(std::string_view name) const { return text(name).value_or(""); }

  // The steps of make(), in this order.
  Result<> check_values();
  Result<> read_node();
  void read_replica_selector();
  Result<> read_listeners();
  Result<> read_advertised_listeners(std::string_view host_name);
  Result<> read_inter_broker_listener();
  Result<> read_quorum();
  Result<> check_quorum() const;
  Result<> check_limits() const;
  [[nodiscard]] Result<> check_consumer_groups() const;

  BrokerLayers layers_;
  std::vector<std::string> warnings_;
  NodeId node_id_ = kNoNode;
  bool is_broker_ = false;
  bool is_controller_ = false;
  bool selects_replica_by_rack_ = false;
  std::vector<std::string> log_dirs_;
  std::string metadata_log_dir_;
  ProtocolMap protocols_;
  std::vector<ListenerConfig> listeners_;
  std::vector<ListenerConfig> advertised_listeners_;
  std::vector<std::string> controller_listener_names_;
  std::optional<Endpoint> http_listener_;
  std::optional<HttpTarget> telemetry_target_;
  std::vector<QuorumVoter> quorum_voters_;
  std::vector<Endpoint> quorum_bootstrap_servers_;
  std::string inter_broker_listener_;
};

}  // namespace weir::broker
