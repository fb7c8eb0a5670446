#include "cli/cluster_health.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>

#include "cli/output.h"

namespace weir::cli {
namespace {

using client::FeatureDescription;
using client::LogDirDescription;
using client::PartitionDescription;
using client::QuorumReplica;
using client::TopicDescription;

// A sentence names so many things at most.
constexpr size_t kNamesMax = 5;
// Of a disk's size.
constexpr double kDiskFull = 0.95;
constexpr double kDiskNearlyFull = 0.85;
// A voter that has not had everything for so long holds commits up, or will when another one goes.
constexpr int64_t kVoterLagMaxMs = 10'000;
constexpr size_t kDiskGoal = static_cast<size_t>(broker::BalanceGoal::kDisk);
constexpr double kDiskImbalance = 0.25;

std::string listed(const std::vector<std::string>& names) {
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + static_cast<ptrdiff_t>(std::min(names.size(), kNamesMax)));
  std::string text = fmt::format("{}", fmt::join(first, ", "));
  if (names.size() > kNamesMax) text += fmt::format(" and {} more", names.size() - kNamesMax);
  return text;
}

std::string listed(const std::set<NodeId>& ids) {
  std::vector<int32_t> numbers;
  for (const NodeId id : ids) numbers.push_back(id.value());
  return in_ranges(numbers);
}

class Examiner {
 public:
  Examiner(const ClusterFacts& facts, Timestamp now) : facts_(facts), now_(now) {
    for (const BrokerFacts& one : facts.brokers) {
      if (!one.broker.is_fenced) active_.insert(one.broker.id);
    }
  }

  std::vector<Problem> examine() {
    look_at_partitions();
    look_at_brokers();
    look_at_directories();
    look_at_quorum();
    look_at_leaders();
    look_at_balance();
    look_at_features();
    std::vector<Problem> sorted;
    for (const Severity severity : {Severity::kError, Severity::kWarning, Severity::kNote}) {
      std::ranges::copy_if(problems_, std::back_inserter(sorted),
                           [severity](const Problem& one) { return one.severity == severity; });
    }
    return sorted;
  }

 private:
  using Test = std::function<bool(const TopicDescription&, const PartitionDescription&)>;

  struct Found {
    std::vector<std::string> names;
    std::set<NodeId> missing;  // brokers that hold replicas of them and are not active
    std::string first_topic;
  };

  [[nodiscard]] Found find(const Test& test) const {
    Found found;
    for (const TopicDescription& topic : facts_.topics) {
      for (const PartitionDescription& partition : topic.partitions) {
        if (!test(topic, partition)) continue;
        if (found.names.empty()) found.first_topic = topic.name;
        found.names.push_back(fmt::format("{}-{}", topic.name, partition.index.value()));
        for (const NodeId id : partition.replicas) {
          if (!active_.contains(id)) found.missing.insert(id);
        }
      }
    }
    return found;
  }

  void add(Severity severity, std::string what, std::string advice) {
    problems_.push_back({severity, std::move(what), std::move(advice)});
  }

  static std::string partitions(const Found& found, std::string_view singular, std::string_view plural) {
    const auto count = static_cast<int64_t>(found.names.size());
    return fmt::format("{} {}: {}", counted(count, "partition"), count == 1 ? singular : plural, listed(found.names));
  }

  static std::string bring_back(const Found& found) {
    if (!found.missing.empty())
      return fmt::format("start broker {}, which holds replicas of them", listed(found.missing));
    return fmt::format("weir topic describe {} shows who is not in sync; that broker's log says why",
                       found.first_topic);
  }

  void look_at_partitions() {
    const auto is_offline = [](const TopicDescription&, const PartitionDescription& one) {
      return one.leader == kNoNode;
    };
    const auto is_under_min = [&](const TopicDescription& topic, const PartitionDescription& one) {
      const auto least = facts_.min_in_sync.find(topic.name);
      return one.leader != kNoNode && least != facts_.min_in_sync.end() &&
             static_cast<int64_t>(one.in_sync.size()) < least->second;
    };
    const auto is_lagging = [&](const TopicDescription& topic, const PartitionDescription& one) {
      return one.leader != kNoNode && one.in_sync.size() < one.replicas.size() && !is_under_min(topic, one) &&
             !is_moving(topic, one);
    };
    if (const Found found = find(is_offline); !found.names.empty())
      add(Severity::kError, partitions(found, "has no leader", "have no leader"), bring_back(found));
    if (const Found found = find(is_under_min); !found.names.empty())
      add(Severity::kError, partitions(found, "takes no records with acks=all", "take no records with acks=all"),
          bring_back(found));
    if (const Found found = find(is_lagging); !found.names.empty())
      add(Severity::kWarning,
          partitions(found, "has a replica that is not in sync", "have replicas that are not in sync"),
          bring_back(found));
  }

  [[nodiscard]] bool is_moving(const TopicDescription& topic, const PartitionDescription& partition) const {
    return std::ranges::any_of(facts_.reassignments, [&](const client::ReassignmentDescription& one) {
      return one.partition.topic == topic.name && one.partition.partition == partition.index;
    });
  }

  void look_at_brokers() {
    std::set<NodeId> unknown;
    for (const TopicDescription& topic : facts_.topics) {
      for (const PartitionDescription& partition : topic.partitions) {
        for (const NodeId id : partition.replicas) {
          if (facts_.broker(id) == nullptr) unknown.insert(id);
        }
      }
    }
    if (!unknown.empty()) {
      add(Severity::kWarning,
          fmt::format("broker {} is not registered, and replicas are placed there", listed(unknown)),
          "weir cluster balance --plan shows where they can be made anew");
    }
    for (const BrokerFacts& one : facts_.brokers) {
      const int32_t id = one.broker.id.value();
      if (one.broker.is_fenced && one.replicas > 0) {
        add(Severity::kWarning, fmt::format("broker {} is fenced: the controller does not hear of it", id),
            fmt::format("start it, or see its log; if it does not come back: weir cluster balance --plan --drain {}",
                        id));
      } else if (one.is_cordoned() && one.replicas > 0) {
        add(Severity::kNote, fmt::format("broker {} is cordoned and holds {}", id, counted(one.replicas, "replica")),
            "weir.balancer.enable=true empties it; weir cluster balance --plan shows how");
      } else if (!one.broker.is_fenced && !one.tells()) {
        add(Severity::kWarning, fmt::format("broker {} does not tell of its log directories", id),
            fmt::format("is it reached at {}?", one.broker.endpoint.to_string()));
      }
    }
  }

  void look_at_directories() {
    for (const BrokerFacts& one : facts_.brokers) {
      for (const LogDirDescription& directory : one.directories) look_at(one, directory);
    }
  }

  void look_at(const BrokerFacts& one, const LogDirDescription& directory) {
    const std::string name = fmt::format("{} of broker {}", directory.path, one.broker.id.value());
    if (!directory.is_online)
      return add(Severity::kError, name + " is offline",
                 "its log says why; repair the disk, and start the broker again");
    if (directory.total_bytes <= 0 || directory.usable_bytes < 0) return;
    const double used = 1 - static_cast<double>(directory.usable_bytes) / static_cast<double>(directory.total_bytes);
    if (used < kDiskNearlyFull) return;
    add(used >= kDiskFull ? Severity::kError : Severity::kWarning,
        fmt::format("the disk of {} is {:.0f}% full", name, used * 100),
        "add a disk or a broker, or keep less: weir config set topic TOPIC --set retention.ms=... (or "
        "retention.bytes)");
  }

  void look_at_quorum() {
    const client::QuorumDescription& quorum = facts_.quorum;
    if (quorum.leader == kNoNode)
      return add(Severity::kError, "the quorum of the controllers has no leader",
                 "start the controllers that are down");
    std::set<NodeId> lagging;
    for (const QuorumReplica& voter : quorum.voters) {
      if (voter.id != quorum.leader && now_ - voter.last_caught_up > kVoterLagMaxMs) lagging.insert(voter.id);
    }
    if (lagging.empty()) return;
    const size_t living = quorum.voters.size() - lagging.size();
    const bool is_last = living == quorum.voters.size() / 2 + 1;
    add(is_last ? Severity::kError : Severity::kWarning,
        fmt::format("controller {} does not follow the quorum{}", listed(lagging),
                    is_last ? ", and without one more there is no majority" : ""),
        "start it, or see its log; weir quorum replication shows how far it is");
  }

  void look_at_leaders() {
    const Found found = find([&](const TopicDescription&, const PartitionDescription& one) {
      return !one.replicas.empty() && one.leader != kNoNode && one.leader != one.replicas.front() &&
             std::ranges::find(one.in_sync, one.replicas.front()) != one.in_sync.end();
    });
    if (found.names.empty()) return;
    add(Severity::kNote, partitions(found, "is not led by its first replica", "are not led by their first replicas"),
        "auto.leader.rebalance.enable gives them back, or kafka-leader-election --election-type preferred");
  }

  void look_at_balance() {
    if (!facts_.reassignments.empty()) {
      std::vector<std::string> names;
      for (const auto& one : facts_.reassignments) names.push_back(one.partition.to_string());
      add(Severity::kNote,
          fmt::format("{} being reassigned: {}",
                      names.size() == 1 ? "1 partition is" : fmt::format("{} partitions are", names.size()),
                      listed(names)),
          "kafka-reassign-partitions --list shows where to, --cancel gives it up");
    }
    const broker::BalancePlan plan = make_balance_plan(balance_input_of(facts_, {}), {.steps_max = 1});
    if (plan.imbalance[kDiskGoal] < kDiskImbalance || plan.steps.empty()) return;
    add(Severity::kWarning,
        fmt::format("disks are filled unevenly: one broker differs from its share by {:.0f}% of the mean",
                    plan.imbalance[kDiskGoal] * 100),
        "weir cluster balance --plan shows what would move; weir.balancer.enable=true moves it");
  }

  void look_at_features() {
    for (const FeatureDescription& feature : facts_.features) {
      // This one is raised when the voters are to be changed, or not at all.
      if (feature.name == "kraft.version" || feature.level >= feature.supported_max) continue;
      add(Severity::kNote,
          fmt::format("{} is at level {}; the broker that was asked knows {}", feature.name, feature.level,
                      feature.supported_max),
          fmt::format("when all nodes do: weir feature upgrade --level {}={}", feature.name, feature.supported_max));
    }
  }

  const ClusterFacts& facts_;
  Timestamp now_;
  std::set<NodeId> active_;
  std::vector<Problem> problems_;
};

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "";
}

std::vector<Problem> find_problems(const ClusterFacts& facts, Timestamp now) { return Examiner(facts, now).examine(); }

}  // namespace weir::cli
