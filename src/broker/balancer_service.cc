#include "broker/balancer_service.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "broker/config/broker_config.h"
#include "broker/config/config_value.h"
#include "protocol/error_code.h"
#include "protocol/messages/describe_log_dirs_request.h"
#include "protocol/messages/describe_log_dirs_response.h"

namespace weir::broker {
namespace {

using protocol::ErrorCode;

// For a broker to tell the sizes of its logs.
constexpr Duration kPatience = seconds(10);
// Between two looks, however much changes.
constexpr Duration kRest = milliseconds(200);

int64_t number(const BrokerLayers& layers, std::string_view name) {
  return parse_integer(broker_value(layers, name).value_or(""), INT64_MIN, INT64_MAX).value_or(0);
}

Duration interval(const BrokerLayers& layers) { return milliseconds(number(layers, "weir.balancer.interval.ms")); }

BrokerLogs logs_of(const protocol::DescribeLogDirsResponse& response) {
  BrokerLogs logs;
  bool all_known = true;
  for (const auto& directory : response.results) {
    if (protocol::error_code(directory.error_code) != ErrorCode::kNone) continue;
    all_known &= directory.total_bytes > 0 && directory.usable_bytes >= 0;
    logs.capacity_bytes += static_cast<uint64_t>(std::max<int64_t>(directory.total_bytes, 0));
    logs.free_bytes += static_cast<uint64_t>(std::max<int64_t>(directory.usable_bytes, 0));
    for (const auto& topic : directory.topics) {
      for (const auto& partition : topic.partitions) {
        if (partition.is_future_key) continue;
        logs.sizes[{std::string(topic.name), PartitionIndex(partition.partition_index)}] =
            static_cast<uint64_t>(std::max<int64_t>(partition.partition_size, 0));
      }
    }
  }
  if (!all_known) logs.capacity_bytes = logs.free_bytes = 0;
  return logs;
}

void log_refusal(std::string_view what, int16_t code, std::string_view about) {
  if (protocol::error_code(code) == ErrorCode::kNone) return;
  log_warn("balancer", "was refused", kv("what", what), kv("about", about),
           kv("error", protocol::error_name(protocol::error_code(code))));
}

}  // namespace

BalancerService::BalancerService(NodeContext& node, ControllerShell& shell)
    : node_(node), shell_(shell), brokers_(node.seams, Loop::current(), kPatience) {}

void BalancerService::on_metadata(const quorum::MetadataUpdate& update) {
  if (balancer_.is_moving() || !update.changes->brokers.empty() || !update.changes->configs.empty())
    woken_.notify_all();
}

void BalancerService::stop() {
  stopping_ = true;
  brokers_.close();
  woken_.notify_all();
}

std::optional<BalancerReport> BalancerService::report() const {
  return shell_.is_active() ? std::optional(balancer_.report()) : std::nullopt;
}

BalancerSettings BalancerService::settings() const {
  const BrokerLayers layers = node_.layers(shell_.controller().image());
  BalancerSettings settings{
      .enabled = parse_boolean(broker_value(layers, "weir.balancer.enable").value_or("")).value_or(false),
      .threshold = static_cast<double>(number(layers, "weir.balancer.threshold.percent")) / 100,
      .moves_max = static_cast<size_t>(number(layers, "weir.balancer.moves.max")),
      .throttle_bytes_per_second = number(layers, "weir.balancer.throttle.bytes.per.second")};
  const int64_t failure_ms = number(layers, "weir.balancer.broker.failure.ms");
  if (failure_ms >= 0) settings.broker_failure = milliseconds(failure_ms);
  return settings;
}

Task<void> BalancerService::run() {
  while (!stopping_) {
    if (shell_.is_active()) {
      co_await look();
    } else {
      balancer_.begin_term();
      loads_ = {};
      measured_.reset();
    }
    const MonotonicTime now = Loop::current().now();
    co_await sleep_for(kRest);
    if (stopping_) co_return;
    co_await woken_.wait_until(now + interval(node_.layers(shell_.controller().image())));
  }
}

Task<void> BalancerService::look() {
  const BalancerSettings now_set = settings();
  BalancerActions actions = balancer_.look(shell_.controller().image(), now_set, Loop::current().now());
  if (!actions.empty()) {
    co_await act(std::move(actions));
  } else if (balancer_.wants_plan(now_set)) {
    co_await plan(now_set);
  }
}

// -------------------------------------------------------------------------------------------------------------- loads

Task<Result<BrokerLogs>> BalancerService::ask(Endpoint at) {
  protocol::DescribeLogDirsRequest request;
  request.topics.reset();  // all
  CO_TRY_ASSIGN(const auto answer, co_await brokers_.call(std::move(at), request, Loop::current().now() + kPatience));
  if (protocol::error_code(answer.message.error_code) != ErrorCode::kNone) {
    co_return fail(Errc::kUnavailable,
                   std::string(protocol::error_name(protocol::error_code(answer.message.error_code))));
  }
  co_return logs_of(answer.message);
}

Task<bool> BalancerService::measure() {
  std::map<NodeId, Task<Result<BrokerLogs>>> asked;
  for (const auto& [id, broker] : shell_.controller().image().brokers) {
    if (!broker->is_active() || broker->endpoints.empty()) continue;
    const quorum::NodeEndpoint* named = broker->endpoint(node_.config.inter_broker_listener());
    const quorum::NodeEndpoint& at = named == nullptr ? broker->endpoints.front() : *named;
    asked.emplace(id, call_on(Loop::current(), [this, to = Endpoint{at.host, at.port}] { return ask(to); }));
  }
  loads_.brokers.clear();
  bool all = true;
  for (auto& [id, asking] : asked) {
    auto logs = co_await std::move(asking);
    if (stopping_) co_return false;
    if (logs) {
      loads_.brokers[id] = *std::move(logs);
      continue;
    }
    all = false;
    log_warn("balancer", "a broker does not tell the sizes of its logs", kv("broker", id),
             kv("why", logs.error().message));
  }
  const MonotonicTime now = Loop::current().now();
  for (const auto& [name, topic] : shell_.controller().image().topics_by_name) {
    for (size_t i = 0; i < topic->partitions.size(); ++i) {
      const storage::TopicPartition partition{name, PartitionIndex(static_cast<int32_t>(i))};
      const auto leader = loads_.brokers.find(topic->partitions[i]->leader);
      if (leader == loads_.brokers.end()) continue;
      const auto size = leader->second.sizes.find(partition);
      if (size != leader->second.sizes.end()) loads_.traffic.observe(partition, size->second, now);
    }
  }
  // Of a partition without a leader the rate is kept for a while.
  loads_.traffic.forget_before(now - std::chrono::hours(1));
  measured_ = all ? std::optional(now) : std::nullopt;
  co_return all;
}

// --------------------------------------------------------------------------------------------------------------- acts

Task<void> BalancerService::plan(BalancerSettings now_set) {
  Loop& loop = Loop::current();
  const Duration age = interval(node_.layers(shell_.controller().image()));
  // Sizes change little while moves come to their end and others begin.
  if ((!measured_ || loop.now() >= *measured_ + age) && !co_await measure()) co_return balancer_.wait();
  if (stopping_ || !shell_.is_active()) co_return;
  auto input = std::make_shared<const BalanceInput>(
      make_balance_input(shell_.controller().image(), balancer_.gone(now_set, loop.now()), loads_));
  const BalancePlan made = co_await node_.seams.disk_threads.run(
      [input, options = balancer_.options(now_set)] { return make_balance_plan(*input, options); });
  if (stopping_ || !shell_.is_active()) co_return;
  BalancerActions actions = balancer_.begin(shell_.controller().image(), now_set, *input, made);
  for (const BalanceStep& step : actions.steps) {
    const BalancePartition& partition = input->partitions[step.partition];
    log_info("balancer", step.moves_leader ? "moves a leader" : "moves a replica", kv("topic", partition.topic),
             kv("partition", partition.index), kv("from", step.from), kv("to", step.to), kv("bytes", step.bytes),
             kv("why", reason_text(step.reason)));
  }
  co_await act(std::move(actions));
}

Task<void> BalancerService::act(BalancerActions actions) {
  co_await set_throttles(actions.throttles);
  co_await reassign(actions.reassignments);
  co_await elect(actions.elections);
}

Task<void> BalancerService::set_throttles(const std::vector<ThrottleEdit>& edits) {
  if (edits.empty()) co_return;
  std::map<std::pair<quorum::ConfigResourceType, std::string_view>, std::vector<const ThrottleEdit*>> by_resource;
  for (const ThrottleEdit& edit : edits) by_resource[{edit.type, edit.resource}].push_back(&edit);
  protocol::IncrementalAlterConfigsRequest request;
  for (const auto& [resource, changes] : by_resource) {
    auto& out = request.resources.emplace_back();
    out.resource_type = static_cast<int8_t>(resource.first);
    out.resource_name = resource.second;
    for (const ThrottleEdit* edit : changes) {
      auto& config = out.configs.emplace_back();
      config.name = edit->key;
      config.config_operation = static_cast<int8_t>(edit->operation);
      config.value = edit->value;
      if (edit->operation == ConfigOperation::kDelete) config.value.reset();
    }
  }
  const auto reply = co_await shell_.submit(std::move(request), protocol::IncrementalAlterConfigsRequest::kMaxVersion);
  if (!reply) co_return;
  for (const auto& result : reply->response.responses) {
    log_refusal("a throttle", result.error_code, result.resource_name);
  }
}

Task<void> BalancerService::reassign(const std::vector<Reassignment>& reassignments) {
  if (reassignments.empty()) co_return;
  protocol::AlterPartitionReassignmentsRequest request;
  request.allow_replication_factor_change = false;
  for (const Reassignment& one : reassignments) {
    auto& topic = request.topics.emplace_back();
    topic.name = one.partition.topic;
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = one.partition.index.value();
    if (one.replicas) partition.replicas = quorum::to_ints(*one.replicas);
  }
  const auto reply =
      co_await shell_.submit(std::move(request), protocol::AlterPartitionReassignmentsRequest::kMaxVersion);
  if (!reply) co_return;
  for (const auto& topic : reply->response.responses) {
    for (const auto& partition : topic.partitions) log_refusal("a reassignment", partition.error_code, topic.name);
  }
}

Task<void> BalancerService::elect(const std::vector<storage::TopicPartition>& partitions) {
  if (partitions.empty()) co_return;
  protocol::ElectLeadersRequest request;
  request.topic_partitions.emplace();
  for (const storage::TopicPartition& partition : partitions) {
    request.topic_partitions->push_back({partition.topic, {partition.index.value()}});
  }
  // A preferred leader that cannot lead yet is elected later, by auto.leader.rebalance.enable.
  (void)co_await shell_.submit(std::move(request), protocol::ElectLeadersRequest::kMaxVersion);
}

}  // namespace weir::broker
