#include "broker/metrics/exposition.h"

#include <fmt/format.h>

#include <iterator>

#include "broker/metrics/label.h"

namespace weir::broker {
namespace {

class Page {
 public:
  void describe(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class Number>
  void sample(std::string_view name, std::string_view labels, Number value) {
    if (labels.empty()) {
      fmt::format_to(std::back_inserter(text_), "{} {}\n", name, value);
    } else {
      fmt::format_to(std::back_inserter(text_), "{}{{{}}} {}\n", name, labels, value);
    }
  }
  template <class Number>
  void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
    describe(name, type, help);
    sample(name, "", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

double to_seconds(Duration duration) { return static_cast<double>(duration.count()) * 1e-9; }

void add_request_durations(Page& page, const std::vector<ShardReport>& shards) {
  constexpr std::string_view kName = "weir_request_duration_seconds";
  page.describe(kName, "histogram", "Time from the last byte of a request to its answer, by API.");
  for (const protocol::ApiInfo& api : protocol::all_apis()) {
    Histogram all;
    for (const ShardReport& shard : shards) all.merge(shard.metrics.request_duration[static_cast<size_t>(api.key)]);
    if (all.count() == 0) continue;
    uint64_t cumulative = 0;
    for (size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
      cumulative += all.buckets()[i];
      page.sample(fmt::format("{}_bucket", kName),
                  fmt::format("api=\"{}\",le=\"{:g}\"", api.name, Histogram::upper_bound_seconds(i)), cumulative);
    }
    const std::string label = fmt::format("api=\"{}\"", api.name);
    page.sample(fmt::format("{}_bucket", kName), label + ",le=\"+Inf\"", all.count());
    page.sample(fmt::format("{}_sum", kName), label, to_seconds(all.sum()));
    page.sample(fmt::format("{}_count", kName), label, all.count());
  }
}

void add_cleaner(Page& page, const CleanerReport& cleaner) {
  page.single("weir_cleaner_rounds_total", "counter", "Compactions of a log that came to their end.", cleaner.rounds);
  page.single("weir_cleaner_read_bytes_total", "counter", "Bytes that compaction has read.", cleaner.bytes_read);
  page.single("weir_cleaner_written_bytes_total", "counter", "Bytes that compaction has written.",
              cleaner.bytes_written);
  page.single("weir_cleaner_removed_bytes_total", "counter", "Bytes by which compaction has made logs smaller.",
              cleaner.bytes_removed);
  page.single("weir_cleaner_running", "gauge", "Logs that are being compacted.", cleaner.running);
  page.single("weir_cleaner_buffer_used_ratio", "gauge", "Share of the room for keys that the last compaction used.",
              cleaner.map_used);
  page.single("weir_cleaner_dirty_ratio_max", "gauge", "Dirty share of the dirtiest log that waits for compaction.",
              cleaner.dirty_ratio_max);
  page.single("weir_cleaner_uncleanable_partitions", "gauge", "Partitions whose compaction has failed for good.",
              cleaner.uncleanable);
  page.single("weir_cleaner_since_last_look_seconds", "gauge", "Time since the cleaner last looked for dirty logs.",
              cleaner.seconds_since_look);
}

void add_throttles(Page& page, const std::vector<ShardReport>& shards) {
  std::array<ShardMetrics::Throttled, kQuotaKinds> all{};
  for (const ShardReport& shard : shards) {
    for (size_t i = 0; i < kQuotaKinds; ++i) {
      all[i].count += shard.metrics.throttled[i].count;
      all[i].time += shard.metrics.throttled[i].time;
    }
  }
  const auto label = [](QuotaKind kind) { return fmt::format("quota=\"{}\"", quota_label(kind)); };
  page.describe("weir_throttled_total", "counter", "Requests (and connections) that were throttled, by quota.");
  for (const QuotaKind kind : kAllQuotaKinds)
    page.sample("weir_throttled_total", label(kind), all[static_cast<size_t>(kind)].count);
  page.describe("weir_throttle_seconds_total", "counter", "Throttle time that clients were told, by quota.");
  for (const QuotaKind kind : kAllQuotaKinds)
    page.sample("weir_throttle_seconds_total", label(kind), to_seconds(all[static_cast<size_t>(kind)].time));
}

void add_quorum(Page& page, const QuorumFacts& facts) {
  page.single("weir_quorum_leader_id", "gauge", "The leader of the metadata quorum; -1: not known.",
              facts.leader.value());
  page.single("weir_quorum_epoch", "gauge", "Epoch of the metadata quorum.", facts.epoch.value());
  page.single("weir_quorum_log_end_offset", "gauge", "End of this node's metadata log.", facts.log_end.value());
  page.single("weir_quorum_high_watermark", "gauge", "What is committed of the metadata log, as this node knows.",
              facts.high_watermark.value());
  page.describe("weir_quorum_role", "gauge", "1 for the role of this node in the metadata quorum.");
  using enum quorum::RoleName;
  for (const quorum::RoleName role : {kUnattached, kFollower, kProspective, kCandidate, kLeader, kResigned}) {
    page.sample("weir_quorum_role", fmt::format("role=\"{}\"", quorum::role_name(role)), role == facts.role ? 1 : 0);
  }
}

void add_balancer(Page& page, const BalancerReport& report) {
  page.describe("weir_balancer_state", "gauge",
                "1 for what the balancer of the cluster does; on the active controller.");
  for (const BalancerState state : kAllBalancerStates) {
    page.sample("weir_balancer_state", fmt::format("state=\"{}\"", balancer_state_name(state)),
                state == report.state ? 1 : 0);
  }
  page.single("weir_balancer_moving_partitions", "gauge", "Partitions of which the balancer moves replicas now.",
              report.moving);
  page.single("weir_balancer_moves_total", "counter", "Moves of replicas by the balancer that came to their end.",
              report.moves);
  page.single("weir_balancer_moved_bytes_total", "counter", "Bytes of the replicas that were moved.",
              report.moved_bytes);
  page.single("weir_balancer_leader_moves_total", "counter", "Partitions that the balancer gave another leader.",
              report.leader_moves);
  page.single("weir_balancer_given_up_total", "counter",
              "Moves that were given up: their destination was fenced, or somebody cancelled them.", report.given_up);
  page.single("weir_balancer_blocked_replicas", "gauge",
              "Replicas that should leave a broker which is cordoned or gone, and cannot.", report.blocked);
  page.describe("weir_balancer_imbalance_ratio", "gauge",
                "By how much of the mean the broker that differs most does from its share.");
  for (size_t goal = 0; goal < kBalanceGoals; ++goal) {
    page.sample("weir_balancer_imbalance_ratio", fmt::format("of=\"{}\"", goal_name(static_cast<BalanceGoal>(goal))),
                report.imbalance[goal]);
  }
}

template <class Get>
auto total(const std::vector<ShardReport>& shards, Get get) {
  decltype(get(shards.front())) sum{};
  for (const ShardReport& shard : shards) sum += get(shard);
  return sum;
}

void add_directories(Page& page, const std::vector<DirectoryState>& directories) {
  constexpr std::string_view kName = "weir_log_directory_offline";
  page.describe(kName, "gauge", "1 when the log directory has failed.");
  for (const DirectoryState& state : directories) {
    page.sample(kName, fmt::format("directory=\"{}\"", label_value(state.absolute)), state.is_online ? 0 : 1);
  }
}

void add_groups(Page& page, const std::vector<ShardReport>& shards) {
  std::map<std::pair<std::string, std::string>, size_t> all;
  for (const ShardReport& shard : shards) {
    for (const auto& [type_and_state, count] : shard.groups) all[type_and_state] += count;
  }
  page.describe("weir_groups", "gauge", "Groups that this node coordinates, by type and state.");
  for (const auto& [type_and_state, count] : all) {
    page.sample("weir_groups", fmt::format("type=\"{}\",state=\"{}\"", type_and_state.first, type_and_state.second),
                count);
  }
}

void add_group_lag(Page& page, const GroupLagReport& report) {
  const auto labels = [](const TopicLag& topic) {
    return fmt::format("group=\"{}\",topic=\"{}\"", label_value(topic.group), label_value(topic.topic));
  };
  page.describe("weir_group_lag_records", "gauge", "Records between a group's commits and the ends of the partitions.");
  for (const TopicLag& topic : report.topics) page.sample("weir_group_lag_records", labels(topic), topic.lag.records);
  page.describe("weir_group_lag_seconds", "gauge", "Age of the oldest record that a group has not committed.");
  for (const TopicLag& topic : report.topics) {
    if (topic.lag.age) page.sample("weir_group_lag_seconds", labels(topic), to_seconds(*topic.lag.age));
  }
  page.single("weir_group_lag_left_out", "gauge", "Pairs of a group and a topic that this page had no room for.",
              report.left_out);
}

void add_telemetry(Page& page, const std::vector<ShardReport>& shards) {
  page.single("weir_telemetry_instances", "gauge", "Clients that push their metrics, or may.",
              total(shards, [](const ShardReport& s) { return s.telemetry.instances; }));
  page.single("weir_telemetry_pushes_total", "counter", "Pushes of clients that were accepted.",
              total(shards, [](const ShardReport& s) { return s.telemetry.pushes; }));
  page.single("weir_telemetry_refused_total", "counter",
              "Telemetry requests of clients that were answered with an error.",
              total(shards, [](const ShardReport& s) { return s.telemetry.refused; }));
  page.single("weir_telemetry_sent_total", "counter", "Pushes that were sent on.",
              total(shards, [](const ShardReport& s) { return s.telemetry.sent_on; }));
  page.single("weir_telemetry_lost_total", "counter", "Pushes that could not be sent on.",
              total(shards, [](const ShardReport& s) { return s.telemetry.not_sent_on; }));
  page.single("weir_telemetry_left_out_total", "counter", "Numbers in pushes that this page had no room for.",
              total(shards, [](const ShardReport& s) { return s.telemetry.left_out; }));
  page.describe("weir_client_metric", "gauge", "The last number of a metric that a client has pushed.");
  for (const ShardReport& shard : shards) {
    for (const auto& sample : shard.telemetry.samples) page.sample("weir_client_metric", sample.labels, sample.value);
  }
}

void add_replication(Page& page, const std::vector<ShardReport>& shards) {
  page.single("weir_replication_in_bytes_total", "counter", "Bytes of record batches fetched from leaders.",
              total(shards, [](const ShardReport& s) { return s.metrics.replication_bytes_in; }));
  page.single("weir_replication_out_bytes_total", "counter", "Bytes of record batches sent to followers.",
              total(shards, [](const ShardReport& s) { return s.metrics.replication_bytes_out; }));
  constexpr std::string_view kName = "weir_replication_throttled_total";
  page.describe(kName, "counter", "How often a replica got no records of a partition because of its throttle.");
  page.sample(kName, "as=\"leader\"",
              total(shards, [](const ShardReport& s) { return s.metrics.replication_throttled_as_leader; }));
  page.sample(kName, "as=\"follower\"",
              total(shards, [](const ShardReport& s) { return s.metrics.replication_throttled_as_follower; }));
}

}  // namespace

std::string exposition(const NodeFacts& node, const std::vector<ShardReport>& shards) {
  Page page;
  page.describe("weir_build_info", "gauge", "Always 1; the labels say what runs.");
  page.sample("weir_build_info", "version=\"" WEIR_VERSION "\"", 1);
  page.single("weir_produced_bytes_total", "counter", "Bytes of record batches appended for producers.",
              total(shards, [](const ShardReport& s) { return s.metrics.bytes_in; }));
  page.single("weir_produced_batches_total", "counter", "Record batches appended for producers.",
              total(shards, [](const ShardReport& s) { return s.metrics.batches_in; }));
  page.single("weir_produce_errors_total", "counter", "Batches that were refused.",
              total(shards, [](const ShardReport& s) { return s.metrics.produce_errors; }));
  page.single("weir_fetched_bytes_total", "counter", "Bytes of record batches sent to consumers.",
              total(shards, [](const ShardReport& s) { return s.metrics.bytes_out; }));
  add_replication(page, shards);
  page.single("weir_fetch_errors_total", "counter", "Partitions of fetches that were answered with an error.",
              total(shards, [](const ShardReport& s) { return s.metrics.fetch_errors; }));
  page.single("weir_cold_reads_total", "counter", "Reads of a disk for records that were not in the page cache.",
              total(shards, [](const ShardReport& s) { return s.metrics.cold_reads; }));
  page.single("weir_connections_accepted_total", "counter", "Connections accepted.",
              total(shards, [](const ShardReport& s) { return s.metrics.connections_accepted; }));
  page.single("weir_connections", "gauge", "Open client connections.",
              total(shards, [](const ShardReport& s) { return s.connections; }));
  page.single("weir_partitions", "gauge", "Replicas on this node.",
              total(shards, [](const ShardReport& s) { return s.partitions; }));
  page.single("weir_offline_partitions", "gauge", "Replicas on this node whose log cannot be used.",
              total(shards, [](const ShardReport& s) { return s.offline_partitions; }));
  page.single("weir_moving_partitions", "gauge", "Replicas that are being copied to another log directory.",
              total(shards, [](const ShardReport& s) { return s.moving_partitions; }));
  page.single("weir_partition_leaders", "gauge", "Partitions that this node leads.",
              total(shards, [](const ShardReport& s) { return s.leaders; }));
  page.single("weir_under_replicated_partitions", "gauge",
              "Partitions that this node leads and that a replica is not in sync of.",
              total(shards, [](const ShardReport& s) { return s.under_replicated; }));
  page.single("weir_under_min_isr_partitions", "gauge",
              "Partitions that this node leads and that have fewer replicas in sync than min.insync.replicas.",
              total(shards, [](const ShardReport& s) { return s.under_min_isr; }));
  page.single("weir_log_bytes", "gauge", "Bytes of all segments on this node.",
              total(shards, [](const ShardReport& s) { return s.log_bytes; }));
  page.single("weir_fetch_sessions", "gauge", "Incremental fetch sessions.",
              total(shards, [](const ShardReport& s) { return s.fetch_sessions; }));
  page.single("weir_topics", "gauge", "Topics of the cluster.", node.topics);
  page.single("weir_metadata_offset", "gauge", "Offset of the last metadata record that this node has applied.",
              node.metadata_offset.value());
  page.single("weir_active_controller", "gauge", "1 when this node is the active controller.",
              node.is_controller ? 1 : 0);
  if (node.quorum) add_quorum(page, *node.quorum);
  if (node.balancer) add_balancer(page, *node.balancer);
  add_directories(page, node.directories);
  add_cleaner(page, node.cleaner);
  add_throttles(page, shards);
  add_groups(page, shards);
  add_group_lag(page, node.group_lag);
  add_telemetry(page, shards);
  add_request_durations(page, shards);
  return page.take();
}

}  // namespace weir::broker
