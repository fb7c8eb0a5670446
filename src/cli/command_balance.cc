// weir cluster status, weir cluster balance
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/sync.h"
#include "cli/cluster_facts.h"
#include "cli/cluster_health.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace weir::cli {
namespace {

using broker::BalanceGoal;
using broker::BalanceInput;
using broker::BalancePlan;
using broker::BalanceStep;
using broker::BrokerBalance;
using broker::BrokerRole;

// A plan of more steps is shown so far; what is behind them depends on how the cluster is by then.
constexpr size_t kStepsMax = 10'000;

// -------------------------------------------------------------------------------------------------------------- status

struct Totals {
  int64_t partitions = 0;
  int64_t without_leader = 0;
  int64_t lagging = 0;  // with replicas that are not in sync
};

Totals totals_of(const ClusterFacts& facts) {
  Totals totals;
  for (const auto& topic : facts.topics) {
    for (const auto& partition : topic.partitions) {
      ++totals.partitions;
      totals.without_leader += partition.leader == kNoNode ? 1 : 0;
      totals.lagging += partition.in_sync.size() < partition.replicas.size() ? 1 : 0;
    }
  }
  return totals;
}

std::string_view state_of(const BrokerFacts& one) {
  return one.broker.is_fenced ? "fenced" : one.is_cordoned() ? "cordoned" : "active";
}

std::string disk_used(const BrokerFacts& one) {
  const uint64_t total = one.total_bytes();
  if (total == 0) return "-";
  return fmt::format("{:.0f}%", 100.0 * (1 - static_cast<double>(one.usable_bytes()) / static_cast<double>(total)));
}

std::string status_text(const ClusterFacts& facts, const Totals& totals, const std::vector<Problem>& problems) {
  std::string text =
      fmt::format("cluster id {}  topics {}  partitions {}  without leader {}  not in sync {}\n", facts.cluster_id,
                  facts.topics.size(), totals.partitions, totals.without_leader, totals.lagging);
  Table table({"BROKER", "ADDRESS", "RACK", "STATE", "LEADERS", "REPLICAS", "LOGS", "DISK USED"});
  for (const BrokerFacts& one : facts.brokers) {
    table.add({std::to_string(one.broker.id.value()), one.broker.endpoint.to_string(),
               one.broker.rack.empty() ? "-" : one.broker.rack, std::string(state_of(one)), std::to_string(one.leaders),
               std::to_string(one.replicas), one.tells() ? in_bytes(static_cast<double>(one.log_bytes())) : "-",
               disk_used(one)});
  }
  text += table.text();
  if (problems.empty()) return text + "nothing is wrong\n";
  for (const Problem& problem : problems) {
    text += fmt::format("{}: {}\n  {}\n", severity_name(problem.severity), problem.what, problem.advice);
  }
  return text;
}

std::string status_json(const ClusterFacts& facts, const Totals& totals, const std::vector<Problem>& problems) {
  Json json;
  json.begin_object().key("cluster").string(facts.cluster_id).key("brokers").begin_array();
  for (const BrokerFacts& one : facts.brokers) {
    json.begin_object().key("id").number(one.broker.id.value());
    json.key("address").string(one.broker.endpoint.to_string()).key("rack");
    one.broker.rack.empty() ? json.null() : json.string(one.broker.rack);
    json.key("state").string(state_of(one));
    json.key("leaders").number(one.leaders).key("replicas").number(one.replicas);
    json.key("log_bytes").number(one.log_bytes());
    json.key("disk_total_bytes").number(static_cast<int64_t>(one.total_bytes()));
    json.key("disk_usable_bytes").number(static_cast<int64_t>(one.usable_bytes())).end_object();
  }
  json.end_array().key("topics").number(static_cast<int64_t>(facts.topics.size()));
  json.key("partitions").number(totals.partitions).key("without_leader").number(totals.without_leader);
  json.key("not_in_sync").number(totals.lagging).key("problems").begin_array();
  for (const Problem& problem : problems) {
    json.begin_object().key("severity").string(severity_name(problem.severity));
    json.key("what").string(problem.what).key("advice").string(problem.advice).end_object();
  }
  json.end_array().end_object();
  return json.text() + "\n";
}

// ---------------------------------------------------------------------------------------------------------------- plan

struct Totalled {
  int64_t moves = 0;
  int64_t leader_moves = 0;
  uint64_t bytes = 0;
};

Totalled total(const BalancePlan& plan) {
  Totalled sums;
  for (const BalanceStep& step : plan.steps) {
    (step.moves_leader ? sums.leader_moves : sums.moves) += 1;
    sums.bytes += step.bytes;
  }
  return sums;
}

double load(const BrokerBalance& one, BalanceGoal goal, bool after) {
  return (after ? one.after : one.before)[static_cast<size_t>(goal)];
}

std::string from_to(const BrokerBalance& one, BalanceGoal goal) {
  return fmt::format("{:.0f} -> {:.0f}", load(one, goal, false), load(one, goal, true));
}

std::string_view role_name(BrokerRole role) {
  switch (role) {
    case BrokerRole::kMember:
      return "active";
    case BrokerRole::kLeaving:
      return "leaves";
    case BrokerRole::kGone:
      return "gone";
    case BrokerRole::kAway:
      return "fenced";
  }
  return "";
}

std::string plan_text(const BalanceInput& input, const BalancePlan& plan) {
  const Totalled sums = total(plan);
  std::string text;
  if (!plan.steps.empty()) {
    Table steps({"STEP", "MOVES", "PARTITION", "FROM", "TO", "COPIES", "WHY"});
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      const BalanceStep& step = plan.steps[i];
      const auto& partition = input.partitions[step.partition];
      steps.add({std::to_string(i + 1), step.moves_leader ? "leader" : "replica",
                 fmt::format("{}-{}", partition.topic, partition.index.value()), std::to_string(step.from.value()),
                 std::to_string(step.to.value()), in_bytes(static_cast<double>(step.bytes)),
                 std::string(reason_text(step.reason))});
    }
    text += steps.text() + "\n";
  }
  Table brokers({"BROKER", "STATE", "REPLICAS", "LEADERS", "LOGS"});
  for (const BrokerBalance& one : plan.brokers) {
    brokers.add({std::to_string(one.id.value()), std::string(role_name(one.role)), from_to(one, BalanceGoal::kReplicas),
                 from_to(one, BalanceGoal::kLeaders),
                 fmt::format("{} -> {}", in_bytes(load(one, BalanceGoal::kDisk, false)),
                             in_bytes(load(one, BalanceGoal::kDisk, true)))});
  }
  text += brokers.text();
  for (const auto& one : plan.blocked) {
    const auto& partition = input.partitions[one.partition];
    text += fmt::format("{}-{} cannot leave broker {}: {}\n", partition.topic, partition.index.value(),
                        one.broker.value(), one.why);
  }
  for (const NodeId id : plan.waits_for) {
    text += fmt::format("broker {} is fenced: until it is back nothing moves; if it does not come back: --drain {}\n",
                        id.value(), id.value());
  }
  if (plan.steps.empty()) return text + (plan.waits_for.empty() && plan.blocked.empty() ? "nothing is to move\n" : "");
  return text + fmt::format("{} and {} move, {} are copied{}\n", counted(sums.moves, "replica"),
                            counted(sums.leader_moves, "leader"), in_bytes(static_cast<double>(sums.bytes)),
                            plan.is_whole ? "" : ", and more than these steps");
}

// "version" and "partitions" are what kafka-reassign-partitions takes.
std::string plan_json(const BalanceInput& input, const BalancePlan& plan) {
  std::map<size_t, const std::vector<NodeId>*> placed;
  for (const BalanceStep& step : plan.steps) placed[step.partition] = &step.after;
  Json json;
  json.begin_object().key("version").number(1).key("partitions").begin_array();
  for (const auto& [index, replicas] : placed) {
    json.begin_object().key("topic").string(input.partitions[index].topic);
    json.key("partition").number(input.partitions[index].index.value()).key("replicas").begin_array();
    for (const NodeId id : *replicas) json.number(id.value());
    json.end_array().end_object();
  }
  json.end_array().key("steps").begin_array();
  for (const BalanceStep& step : plan.steps) {
    json.begin_object().key("moves").string(step.moves_leader ? "leader" : "replica");
    json.key("topic").string(input.partitions[step.partition].topic);
    json.key("partition").number(input.partitions[step.partition].index.value());
    json.key("from").number(step.from.value()).key("to").number(step.to.value());
    json.key("bytes").number(static_cast<int64_t>(step.bytes)).key("why").string(reason_text(step.reason));
    json.end_object();
  }
  json.end_array().key("brokers").begin_array();
  for (const BrokerBalance& one : plan.brokers) {
    json.begin_object().key("id").number(one.id.value()).key("state").string(role_name(one.role));
    for (size_t goal = 0; goal < broker::kBalanceGoals; ++goal) {
      json.key(goal_name(static_cast<BalanceGoal>(goal))).begin_array();
      json.decimal(one.before[goal]).decimal(one.after[goal]).end_array();
    }
    json.end_object();
  }
  json.end_array().key("blocked").begin_array();
  for (const auto& one : plan.blocked) {
    json.begin_object().key("topic").string(input.partitions[one.partition].topic);
    json.key("partition").number(input.partitions[one.partition].index.value());
    json.key("broker").number(one.broker.value()).key("why").string(one.why).end_object();
  }
  json.end_array().key("waits_for").begin_array();
  for (const NodeId id : plan.waits_for) json.number(id.value());
  json.end_array().end_object();
  return json.text() + "\n";
}

Result<> check_facts(const ClusterFacts& facts, const std::vector<int32_t>& drain) {
  for (const int32_t id : drain) {
    if (facts.broker(NodeId(id)) == nullptr) return fail(Errc::kNotFound, fmt::format("broker {}: there is none", id));
  }
  for (const BrokerFacts& one : facts.brokers) {
    if (one.broker.is_fenced || one.tells()) continue;
    return fail(Errc::kUnavailable,
                fmt::format("broker {} does not tell the sizes of its logs", one.broker.id.value()));
  }
  return {};
}

// By how much each partition has grown meanwhile.
void add_traffic(const BalanceInput& before, BalanceInput& after, int32_t elapsed_s) {
  std::map<std::pair<std::string_view, PartitionIndex>, uint64_t> sizes;
  for (const auto& one : before.partitions) sizes[{one.topic, one.index}] = one.bytes;
  for (auto& one : after.partitions) {
    const auto found = sizes.find({one.topic, one.index});
    if (found == sizes.end() || one.bytes < found->second) continue;
    one.bytes_per_second = static_cast<double>(one.bytes - found->second) / elapsed_s;
  }
}

}  // namespace

Task<Result<int>> run_command(Context& context, ClusterStatus) {
  CO_TRY_ASSIGN(const auto connected, co_await context.connect());
  client::Admin admin(connected);
  CO_TRY_ASSIGN(const ClusterFacts facts, co_await gather_cluster_facts(admin));
  const Totals totals = totals_of(facts);
  const std::vector<Problem> problems = find_problems(facts, context.wall());
  CO_TRY(co_await context.print(context.wants_json() ? status_json(facts, totals, problems)
                                                     : status_text(facts, totals, problems)));
  const bool is_well =
      std::ranges::none_of(problems, [](const Problem& problem) { return problem.severity == Severity::kError; });
  co_return is_well ? kExitDone : kExitFailed;
}

Task<Result<int>> run_command(Context& context, ClusterBalance command) {
  CO_TRY_ASSIGN(const auto connected, co_await context.connect());
  client::Admin admin(connected);
  CO_TRY_ASSIGN(ClusterFacts facts, co_await gather_cluster_facts(admin));
  CO_TRY(check_facts(facts, command.drain));
  BalanceInput input = balance_input_of(facts, command.drain);
  if (command.measure_s > 0) {
    co_await sleep_for(seconds(command.measure_s));
    CO_TRY_ASSIGN(facts, co_await gather_cluster_facts(admin));
    CO_TRY(check_facts(facts, command.drain));
    BalanceInput later = balance_input_of(facts, command.drain);
    add_traffic(input, later, command.measure_s);
    input = std::move(later);
  }
  const BalancePlan plan =
      make_balance_plan(input, {.threshold = command.threshold_percent / 100.0, .steps_max = kStepsMax});
  CO_TRY(co_await context.print(context.wants_json() ? plan_json(input, plan) : plan_text(input, plan)));
  co_return kExitDone;
}

}  // namespace weir::cli
