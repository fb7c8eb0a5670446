#include "broker/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "broker/balancer_service.h"
#include "broker/broker_lifecycle.h"
#include "broker/cleaner/log_cleaner.h"
#include "broker/config_rules_table.h"
#include "broker/controller/controller_shell.h"
#include "broker/controller_client.h"
#include "broker/controller_registration.h"
#include "broker/directory_assignments.h"
#include "broker/group_service.h"
#include "broker/http/http_server.h"
#include "broker/isr_changes.h"
#include "broker/log_dirs.h"
#include "broker/maintenance.h"
#include "broker/metadata_applier.h"
#include "broker/metrics/exposition.h"
#include "broker/peer_channel.h"
#include "broker/replica_fetcher.h"
#include "broker/replication_throttle.h"
#include "broker/server/acceptor.h"
#include "broker/shard.h"
#include "quorum/checkpoint.h"
#include "quorum/metadata_loader.h"
#include "quorum/raft_node.h"

namespace weir::broker {
namespace {

// For the controller to move the leadership away when a node stops.
constexpr Duration kShutdownPatience = seconds(30);

// For connections to be told that their node is going, and to end what is under way.
constexpr Duration kDrainPatience = seconds(2);

ShardReport report_of(BrokerShard& shard) {
  ShardReport report{.metrics = shard.metrics(),
                     .connections = shard.connection_count(),
                     .partitions = shard.partition_count(),
                     .offline_partitions = shard.offline_count(),
                     .fetch_sessions = shard.fetch_sessions().size(),
                     .telemetry = shard.telemetry().report()};
  shard.for_each_partition([&](const std::shared_ptr<Partition>& partition) {
    report.leaders += partition->is_leader() ? 1 : 0;
    report.under_replicated += partition->is_under_replicated() ? 1 : 0;
    report.under_min_isr += partition->is_leader() && !partition->has_enough_replicas() ? 1 : 0;
    report.log_bytes += partition->log().size();
    report.moving_partitions += partition->move() != nullptr ? 1 : 0;
  });
  shard.groups().for_each([&](GroupShell& shell) {
    const auto listed = shell.list_groups({});
    for (const auto& group : listed.message.groups)
      ++report.groups[{std::string(group.group_type), std::string(group.group_state)}];
  });
  return report;
}

}  // namespace

class Node::Impl {
 public:
  Impl(const BrokerConfig& config, Seams seams, std::vector<Loop*> loops, FailureHandler on_failure);

  Task<Result<>> start(MakeData make_data);
  void abandon_start();
  Task<void> stop();
  [[nodiscard]] Endpoint address(std::string_view listener) const;
  [[nodiscard]] NodeId id() const { return context_.node_id; }
  [[nodiscard]] Endpoint client_address() const;

 private:
  Loop& home() { return *loops_.front(); }
  Task<Result<>> start_quorum();
  Result<> bind();
  void run_acceptors(bool of_controllers);
  void close_acceptors(bool of_controllers);
  // `setting` is the one that says where.
  Result<std::unique_ptr<Listener>> listen(const Endpoint& endpoint, std::string_view setting);
  void register_controller();
  Task<Result<>> register_broker();
  // Those of one kind, as others find them.
  [[nodiscard]] std::vector<AdvertisedListener> advertised(bool of_controllers) const;
  Task<HttpAnswer> answer_http(std::string_view path);
  [[nodiscard]] std::optional<QuorumFacts> quorum_facts() const;
  Task<HttpAnswer> metrics_page();
  void directories_changed();
  // False when a log was not closed cleanly.
  Task<bool> stop_shards();
  Task<void> drain_connections();

  const BrokerConfig& config_;
  std::vector<Loop*> loops_;
  NodeContext context_;
  LogDirs log_dirs_;
  DirectoryAssignments assignments_;
  IsrChanges isr_changes_;
  ReplicationThrottles throttles_;
  FailureHandler on_failure_;
  quorum::MetadataLoader loader_;
  PeerChannel peers_;             // of the quorum
  PeerChannel controller_peers_;  // of the controller's clients: what waits for a commit must not hold a fetch up
  quorum::RaftNode raft_;
  ConfigRulesTable rules_;
  std::vector<std::unique_ptr<BrokerShard>> shards_;
  MetadataApplier applier_;
  std::unique_ptr<ControllerShell> controller_;
  std::unique_ptr<ControllerClient> client_;
  std::unique_ptr<ControllerRegistration> registration_;
  std::unique_ptr<BalancerService> balancer_;
  std::unique_ptr<BrokerLifecycle> lifecycle_;
  std::unique_ptr<Maintenance> maintenance_;
  std::unique_ptr<LogCleaner> cleaner_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unique_ptr<HttpServer> http_;
  bool ready_ = false;
  bool abandoned_ = false;
};

namespace {

quorum::RaftOptions raft_options(const BrokerConfig& config, Node::FailureHandler on_failure) {
  quorum::RaftOptions options{.node_id = config.node_id(), .metadata_log_dir = config.metadata_log_dir()};
  std::vector<quorum::Voter> voters;
  for (const QuorumVoter& voter : config.quorum_voters()) {
    voters.push_back(
        {.key = {.id = voter.id},
         .endpoints = {{config.controller_listener_names().front(), voter.endpoint.host, voter.endpoint.port}}});
  }
  options.static_voters = quorum::VoterSet(std::move(voters));
  options.bootstrap_servers = config.quorum_bootstrap_servers();
  options.listener_name = config.controller_listener_names().front();
  for (const ListenerConfig& listener : config.advertised_listeners()) {
    if (!config.is_controller() || !config.is_controller_listener(listener.name)) continue;
    options.endpoints.push_back({listener.name, listener.endpoint.host, listener.endpoint.port});
  }
  options.election_timeout = milliseconds(config.quorum_election_timeout_ms());
  options.fetch_timeout = milliseconds(config.quorum_fetch_timeout_ms());
  options.request_timeout = milliseconds(config.quorum_request_timeout_ms());
  options.retry_backoff = milliseconds(config.quorum_retry_backoff_ms());
  options.election_backoff_max = milliseconds(config.quorum_election_backoff_max_ms());
  options.auto_join = config.quorum_auto_join();
  options.fetch_max_bytes = config.quorum_fetch_max_bytes();
  options.fetch_snapshot_max_bytes = config.quorum_fetch_snapshot_max_bytes();
  options.log = {.segment_bytes = static_cast<uint64_t>(config.metadata_log_segment_bytes()),
                 .segment_time = milliseconds(config.metadata_log_segment_ms())};
  options.snapshot_after_bytes = static_cast<uint64_t>(config.metadata_snapshot_bytes());
  options.snapshot_interval = milliseconds(config.metadata_snapshot_interval_ms());
  options.retention_bytes = static_cast<uint64_t>(config.metadata_retention_bytes());
  options.retention_time = milliseconds(config.metadata_retention_ms());
  options.on_failure = std::move(on_failure);
  return options;
}

}  // namespace

Node::Impl::Impl(const BrokerConfig& config, Seams seams, std::vector<Loop*> loops, FailureHandler on_failure)
    : config_(config),
      loops_(std::move(loops)),
      context_{.config = config,
               .seams = seams,
               .node_id = config.node_id(),
               .rack = config.rack(),
               .auto_create_topics = config.auto_create_topics(),
               .fetch_max_bytes = static_cast<size_t>(config.fetch_max_bytes()),
               .heartbeat_interval = milliseconds(config.broker_heartbeat_interval_ms()),
               .static_settings = config.settings()},
      log_dirs_(context_, *loops_.front(), config.log_dirs(), config.metadata_log_dir()),
      assignments_(context_, *loops_.front()),
      isr_changes_(context_, *loops_.front()),
      on_failure_(std::move(on_failure)),
      peers_(seams, *loops_.front(), milliseconds(config.quorum_request_timeout_ms())),
      controller_peers_(seams, *loops_.front(), milliseconds(config.quorum_request_timeout_ms())),
      raft_(raft_options(config, on_failure_), seams, *loops_.front(), loader_, peers_),
      rules_(config.settings()),
      applier_(context_, *loops_.front()) {
  const auto count = static_cast<uint32_t>(loops_.size());
  for (Loop* loop : loops_) {
    shards_.push_back(std::make_unique<BrokerShard>(context_, *loop, count));
    context_.shards.push_back(shards_.back().get());
  }
  context_.log_dirs = &log_dirs_;
  context_.assignments = &assignments_;
  context_.isr_changes = &isr_changes_;
  context_.throttles = &throttles_;
  context_.replica_lag_max = milliseconds(config.replica_lag_time_max_ms());
  log_dirs_.on_change([this] { directories_changed(); });
  context_.config_rules = &rules_;
}

Task<Result<>> Node::Impl::start(MakeData make_data) {
  // The ports first: a node that cannot have them must not touch the data.
  CO_TRY(bind());
  if (http_ != nullptr) home().spawn(http_->run());
  CO_TRY(co_await context_.seams.disk_threads.run([this, make_data = std::move(make_data)]() -> Result<> {
    if (make_data) TRY(make_data());
    return log_dirs_.open();
  }));
  context_.cluster_id = log_dirs_.cluster_id();
  CO_TRY(co_await start_quorum());
  if (config_.is_broker()) CO_TRY(co_await register_broker());
  maintenance_ = std::make_unique<Maintenance>(context_);
  maintenance_->start();
  cleaner_ = std::make_unique<LogCleaner>(context_, *maintenance_);
  cleaner_->start();
  run_acceptors(false);
  ready_ = true;
  co_return Result<>();
}

Result<std::unique_ptr<Listener>> Node::Impl::listen(const Endpoint& endpoint, std::string_view setting) {
  Result<std::unique_ptr<Listener>> bound = context_.seams.network.listen(home(), endpoint);
  if (bound || bound.error().code != Errc::kBusy) return bound;
  return fail(Errc::kBusy,
              fmt::format("{}; another node may run there: {} names other ports", bound.error().message, setting));
}

void Node::Impl::run_acceptors(bool of_controllers) {
  for (const auto& acceptor : acceptors_) {
    if (acceptor->is_controllers() == of_controllers) home().spawn(acceptor->run());
  }
}

void Node::Impl::close_acceptors(bool of_controllers) {
  for (const auto& acceptor : acceptors_) {
    if (acceptor->is_controllers() == of_controllers) acceptor->close();
  }
}

void Node::Impl::abandon_start() {
  abandoned_ = true;
  raft_.stop_waiting();
  if (client_ != nullptr) client_->stop();
}

Result<> Node::Impl::bind() {
  for (const ListenerConfig& listener : config_.listeners()) {
    const bool is_controllers = config_.is_controller_listener(listener.name);
    TRY_ASSIGN(auto bound, listen(listener.endpoint, "listeners"));
    acceptors_.push_back(std::make_unique<Acceptor>(context_, is_controllers ? controller_apis() : broker_apis(),
                                                    listener.name, std::move(bound)));
  }
  if (config_.http_listener()) {
    TRY_ASSIGN(auto bound, listen(*config_.http_listener(), "weir.http.listener"));
    http_ = std::make_unique<HttpServer>(std::move(bound), [this](std::string_view path) { return answer_http(path); });
  }
  return {};
}

Task<Result<>> Node::Impl::start_quorum() {
  CO_TRY_ASSIGN(auto bootstrap, co_await context_.seams.disk_threads.run([this] {
    return quorum::read_bootstrap_records(context_.seams.disk, config_.metadata_log_dir());
  }));
  ControllerOptions options{
      .node_id = context_.node_id,
      .cluster_id = context_.cluster_id,
      .delete_topic_enable = config_.delete_topic_enabled(),
      .num_partitions = config_.num_partitions(),
      .default_replication_factor = config_.default_replication_factor(),
      .broker_session_timeout = milliseconds(config_.broker_session_timeout_ms()),
      .metadata_max_idle_interval = milliseconds(config_.metadata_idle_interval_ms()),
      .leader_imbalance_check_interval =
          config_.auto_leader_rebalance() ? seconds(config_.leader_imbalance_check_interval_s()) : Duration::zero(),
      .quota_windows = config_.controller_quota_windows()};
  controller_ = std::make_unique<ControllerShell>(home(), context_.seams, raft_, loader_,
                                                  Controller(std::move(options), rules_, context_.seams.random),
                                                  std::move(bootstrap));
  client_ = std::make_unique<ControllerClient>(
      ControllerClient::Parts{config_, home(), raft_, controller_peers_, *controller_, applier_});
  if (abandoned_) client_->stop();
  context_.controller = client_.get();
  CO_TRY(co_await raft_.start(*controller_));
  // The others may need this node to make a quorum.
  run_acceptors(true);
  CO_TRY(co_await raft_.caught_up());
  // What the log says in the end, not each step of how that came about: an older record that does not know of a
  // partition's directory yet would have its log made anew where another directory is offline.
  loader_.subscribe(applier_);
  if (config_.is_controller()) register_controller();
  co_return Result<>();
}

std::vector<AdvertisedListener> Node::Impl::advertised(bool of_controllers) const {
  std::vector<AdvertisedListener> listeners;
  for (const ListenerConfig& advertised : config_.advertised_listeners()) {
    if (config_.is_controller_listener(advertised.name) != of_controllers) continue;
    Endpoint endpoint = advertised.endpoint;
    // A listener on "any free port" is found at the port that it got.
    if (endpoint.port == 0) endpoint.port = address(advertised.name).port;
    listeners.push_back({advertised.name, endpoint, static_cast<int16_t>(advertised.protocol)});
  }
  return listeners;
}

void Node::Impl::register_controller() {
  registration_ = std::make_unique<ControllerRegistration>(context_, *client_, advertised(true));
  loader_.subscribe(*registration_);
  home().spawn(registration_->run());
  balancer_ = std::make_unique<BalancerService>(context_, *controller_);
  loader_.subscribe(*balancer_);
  home().spawn(balancer_->run());
}

Task<Result<>> Node::Impl::register_broker() {
  lifecycle_ = std::make_unique<BrokerLifecycle>(context_, *client_, applier_, on_failure_);
  CO_TRY(co_await lifecycle_->start(advertised(false)));
  context_.broker_epoch = lifecycle_->epoch();
  co_return Result<>();
}

void Node::Impl::directories_changed() {
  const std::vector<DirectoryState> states = log_dirs_.states();
  const bool none_left = std::ranges::none_of(states, &DirectoryState::is_online);
  for (const DirectoryState& state : states) {
    if (state.is_online || (!none_left && state.path != config_.metadata_log_dir())) continue;
    on_failure_({Errc::kIo, none_left ? "all log directories have failed"
                                      : fmt::format("the directory of the metadata log has failed: {}", state.path)});
    return;
  }
  if (lifecycle_ != nullptr) lifecycle_->directories_changed();
}

Task<HttpAnswer> Node::Impl::answer_http(std::string_view path) {
  if (path == "/livez") co_return HttpAnswer{.body = "ok\n"};
  if (path == "/readyz") co_return HttpAnswer{.status = ready_ ? 200 : 503, .body = ready_ ? "ok\n" : "not ready\n"};
  if (path == "/metrics") co_return co_await metrics_page();
  co_return HttpAnswer{.status = 404, .body = "there are /metrics, /livez and /readyz\n"};
}

std::optional<QuorumFacts> Node::Impl::quorum_facts() const {
  if (!raft_.is_started()) return std::nullopt;
  return QuorumFacts{.role = raft_.role(),
                     .leader = raft_.leader_id(),
                     .epoch = raft_.epoch(),
                     .log_end = raft_.end_offset(),
                     .high_watermark = raft_.high_watermark()};
}

Task<HttpAnswer> Node::Impl::metrics_page() {
  std::vector<ShardReport> reports;
  for (BrokerShard* shard : context_.shards) {
    reports.push_back(co_await call_on(shard->loop(), [shard]() -> Task<ShardReport> { co_return report_of(*shard); }));
  }
  GroupLagReport group_lag = co_await measure_group_lag(context_, config_.group_lag_max());
  const NodeFacts facts{.metadata_offset = applier_.applied_offset(),
                        .topics = loader_.image()->topics.size(),
                        .is_controller = controller_ != nullptr && controller_->is_active(),
                        .quorum = quorum_facts(),
                        .directories = log_dirs_.states(),
                        .balancer = balancer_ == nullptr ? std::nullopt : balancer_->report(),
                        .cleaner = cleaner_ == nullptr ? CleanerReport{} : cleaner_->report(),
                        .group_lag = std::move(group_lag)};
  co_return HttpAnswer{.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = exposition(facts, reports)};
}

Task<void> Node::Impl::drain_connections() {
  for (BrokerShard* shard : context_.shards) {
    co_await call_on(shard->loop(), [shard]() -> Task<void> {
      shard->close_connections();
      co_return;
    });
  }
  // Requests that are under way end, long polls among them when their connection is gone.
  const MonotonicTime deadline = home().now() + kDrainPatience;
  for (BrokerShard* shard : context_.shards) {
    while (home().now() < deadline &&
           co_await call_on(shard->loop(), [shard]() -> Task<bool> { co_return shard->connection_count() > 0; })) {
      co_await sleep_for(milliseconds(5));
    }
  }
}

Task<bool> Node::Impl::stop_shards() {
  std::vector<Task<bool>> stops;
  for (BrokerShard* shard : context_.shards) {
    stops.push_back(call_on(shard->loop(), [shard]() -> Task<bool> {
      co_await shard->replica_fetchers().stop();
      co_await shard->groups().stop();
      co_return co_await close_partitions(*shard);
    }));
  }
  bool clean = true;
  for (Task<bool>& stop : stops) clean &= co_await std::move(stop);
  co_return clean;
}

Task<void> Node::Impl::stop() {
  ready_ = false;
  const MonotonicTime began = home().now();
  close_acceptors(false);
  if (maintenance_ != nullptr) maintenance_->stop();
  if (cleaner_ != nullptr) cleaner_->stop();
  if (lifecycle_ != nullptr) co_await lifecycle_->shut_down(home().now() + kShutdownPatience);
  co_await drain_connections();
  bool clean = maintenance_ != nullptr;
  if (maintenance_ != nullptr)
    clean &= (co_await maintenance_->write_checkpoints(Checkpoints::kHighWatermarks)).has_value();
  clean &= co_await stop_shards();
  if (maintenance_ != nullptr) clean &= (co_await maintenance_->write_checkpoints(Checkpoints::kAll)).has_value();
  if (registration_ != nullptr) registration_->stop();
  if (balancer_ != nullptr) balancer_->stop();
  isr_changes_.stop();
  if (client_ != nullptr) client_->stop();
  // Until another leads, the others need this controller: to let this broker go, to begin with.
  clean &= (co_await raft_.stop()).has_value();
  close_acceptors(true);
  co_await drain_connections();
  if (clean) {
    const BrokerEpoch epoch = lifecycle_ == nullptr ? BrokerEpoch(-1) : lifecycle_->epoch();
    const Result<> marked = co_await log_dirs_.mark_clean(epoch);
    if (!marked) log_error("node", "the clean shutdown could not be noted", kv("why", marked.error().message));
  }
  if (http_ != nullptr) http_->close();
  log_info("node", "stopped", kv("clean", clean),
           kv("took_ms", std::chrono::duration_cast<milliseconds>(home().now() - began).count()));
}

Endpoint Node::Impl::address(std::string_view listener) const {
  for (const auto& acceptor : acceptors_) {
    if (acceptor->listener_name() == listener) return acceptor->local();
  }
  return {};
}

Endpoint Node::Impl::client_address() const {
  for (const auto& acceptor : acceptors_) {
    if (!acceptor->is_controllers() || !config_.is_broker()) return acceptor->local();
  }
  return {};
}

Node::Node(const BrokerConfig& config, Seams seams, std::vector<Loop*> loops, FailureHandler on_failure)
    : impl_(std::make_unique<Impl>(config, seams, std::move(loops), std::move(on_failure))) {}
Node::~Node() = default;
Task<Result<>> Node::start(MakeData make_data) { return impl_->start(std::move(make_data)); }
void Node::abandon_start() { impl_->abandon_start(); }
Task<void> Node::stop() { return impl_->stop(); }
Endpoint Node::address(std::string_view listener) const { return impl_->address(listener); }
Endpoint Node::client_address() const { return impl_->client_address(); }
NodeId Node::id() const { return impl_->id(); }

}  // namespace weir::broker
