#include "sim/worlds/node_world.h"

#include "sim/worlds/node_clients.h"

namespace weir::sim {
namespace {

const Endpoint kNodeEndpoint{"node", 9092};
constexpr std::string_view kDataDirectory = "/data";
// Not with the metadata: a node lives on without it.
constexpr std::string_view kSecondDirectory = "/more";
// Longer than any timeout of a client, so that who still waits then waits for ever.
constexpr Duration kPatience = seconds(300);
// A node may wait for room on its disk when it starts.
constexpr Duration kFullDiskStart = seconds(10);

}  // namespace

NodeWorld::NodeWorld(const RunOptions& options, bool has_second_directory)
    : simulation_(options.seed),
      fabric_(simulation_),
      history_(simulation_),
      node_(simulation_, fabric_, kNodeEndpoint.host),
      faults_(simulation_.new_owner()),
      plan_(draw_plan(has_second_directory)) {
  simulation_.print_trace(options.print_trace);
  node_.machine().disk().conditions().sync_does_nothing = options.disk_lies;
  // A process that died in the middle of a step is buried when the step is over.
  simulation_.after_each_step([this] {
    if (node_.machine().dying()) {
      bury();
    } else if (const auto reason = node_.take_reason_to_give_up()) {
      simulation_.trace("the node gives up: {}", *reason);
      if (!node_.is_disk_full()) simulation_.fail("ANodeGivesUpOnlyWhenItsDiskFails", *reason);
      node_.end(Death::kKill);
    }
  });
}

NodeWorld::~NodeWorld() { clients_.reset(); }

NodeWorld::Plan NodeWorld::draw_plan(bool has_second_directory) {
  SimRandom& random = simulation_.random();
  Plan plan{.shards = random.between(1, 3),
            .flushes_each_record = random.percent(50),
            .rounds = random.between(2, 4),
            .has_second_directory = has_second_directory};
  auto pick = [&](std::string_view key, std::initializer_list<int64_t> values) {
    plan.settings[std::string(key)] = std::to_string(*(values.begin() + random.below(values.size())));
  };
  plan.settings = {{"process.roles", "broker,controller"},
                   {"node.id", "1"},
                   {"listeners", "PLAINTEXT://node:9092,CONTROLLER://node:9093"},
                   {"advertised.listeners", "PLAINTEXT://node:9092,CONTROLLER://node:9093"},
                   {"controller.listener.names", "CONTROLLER"},
                   {"controller.quorum.voters", "1@node:9093"},
                   {"log.dirs", std::string(kDataDirectory)},
                   {"offsets.topic.replication.factor", "1"},
                   {"offsets.topic.num.partitions", "3"}};
  if (has_second_directory) plan.settings["log.dirs"] += fmt::format(",{}", kSecondDirectory);
  if (plan.flushes_each_record) plan.settings["log.flush.interval.messages"] = "1";
  pick("log.segment.bytes", {1 << 20, 2 << 20, 1 << 30});
  pick("log.index.interval.bytes", {256, 4096});
  pick("group.initial.rebalance.delay.ms", {0, 500, 3000});
  pick("log.flush.offset.checkpoint.interval.ms", {300, 5000, 60'000});
  pick("replica.high.watermark.checkpoint.interval.ms", {300, 5000});
  pick("metadata.log.max.record.bytes.between.snapshots", {1000, 20'000, 20'971'520});
  return plan;
}

RunResult NodeWorld::run() {
  node_.configure(plan_.settings);
  node_.format();
  clients_ = std::make_unique<NodeClients>(simulation_, fabric_, history_, std::vector{kNodeEndpoint});
  if (plan_.has_second_directory) clients_->move_between(node_.config().log_dirs());
  simulation_.trace("{} shards, {}", plan_.shards, plan_.flushes_each_record ? "flushed records" : "unflushed records");
  start_node();
  clients_were_lost_ = false;  // there were none yet
  clients_->start(0);
  for (uint64_t round = 1; round <= plan_.rounds && !simulation_.failed(); ++round) {
    play_round();
    start_node();
    if (clients_were_lost_ && !simulation_.failed()) {
      verify();
      clients_->start(round);
      clients_were_lost_ = false;
    }
  }
  if (!simulation_.failed()) finish();
  return {.failure = simulation_.failure(), .trace_hash = simulation_.trace_hash(), .steps = simulation_.steps()};
}

void NodeWorld::start_node() {
  for (int attempt = 0; !simulation_.failed(); ++attempt) {
    // Now and then it dies in its recovery too; not for ever.
    if (attempt < 3 && simulation_.random().percent(20)) {
      node_.machine().die_at_operation(simulation_.random().between(1, 60),
                                       simulation_.random().percent(50) ? Death::kKill : Death::kPowerLoss);
    }
    node_.start(plan_.shards);
    auto over = [this] { return node_.started() || !node_.running(); };
    if (node_.is_disk_full()) {
      simulation_.run_until(over, kFullDiskStart);
      if (node_.is_up() && simulation_.random().percent(50)) {
        simulation_.trace("the node is up on a full disk, which gets room again");
        history_.report(&Invariant::on_recovery, true, "");
        node_.make_room();
        node_.machine().do_not_die();
        return;
      }
      mend_full_disk();
      continue;
    }
    if (!wait_for("the node starts", over)) return;
    if (!node_.running()) continue;
    const Result<>& started = *node_.started();
    history_.report(&Invariant::on_recovery, started.has_value(), started ? "" : started.error().message);
    simulation_.trace("the node is up");
    node_.machine().do_not_die();
    return;
  }
}

// The process ends whether it came up or not.
void NodeWorld::mend_full_disk() {
  if (node_.running()) {
    simulation_.trace("on a full disk the node {}", node_.is_up()     ? "is up"
                                                    : node_.started() ? node_.started()->error().message
                                                                      : "waits");
    node_.end(Death::kKill);
  }
  node_.make_room();
}

// Until somebody mends it, and starts the node again. What it held stays.
void NodeWorld::break_second_directory() {
  simulation_.trace("the second directory fails");
  DiskConditions& conditions = node_.machine().disk().conditions();
  conditions.failing_below = kSecondDirectory;
  const uint32_t percent = simulation_.random().percent(50) ? 100 : 20;
  conditions.write_error_percent = conditions.sync_error_percent = percent;
  conditions.read_error_percent = simulation_.random().percent(50) ? percent : 0;
}

bool NodeWorld::wait_for(const std::string& what, const std::function<bool()>& done) {
  const bool made = simulation_.run_until(done, kPatience);
  if (!simulation_.failed()) history_.report(&Invariant::on_progress, what, made);
  return made && !simulation_.failed();
}

void NodeWorld::bury() {
  if (node_.machine().death() == Death::kPowerLoss) lose_unflushed();
  node_.bury();
}

void NodeWorld::draw_faults(Duration length) {
  SimRandom& random = simulation_.random();
  auto later = [&](auto fault) {
    simulation_.after(random.between(Duration::zero(), length), faults_, std::move(fault));
  };
  for (uint64_t resets = random.below(5); resets > 0; --resets) {
    later([this] {
      if (fabric_.reset_one("client")) simulation_.trace("a connection is reset");
    });
  }
  if (random.percent(30)) fabric_.conditions().slow_percent = 30;
  if (random.percent(30)) {
    later([this] {
      simulation_.trace("the disk is slow");
      node_.machine().disk().conditions().sync_time_max = milliseconds(400);
      node_.machine().disk_threads().set_wait_max(milliseconds(100));
    });
  }
  if (random.percent(30)) later([this] { node_.fill_disk(); });
  if (plan_.has_second_directory && random.percent(60)) later([this] { break_second_directory(); });
  if (random.percent(20)) {
    later([this] {
      const auto jump = milliseconds(static_cast<int64_t>(simulation_.random().below(4000)) - 2000);
      simulation_.trace("the clock jumps by {} ms", jump.count());
      node_.machine().clock().jump_wall(jump);
    });
  }
  if (random.percent(50)) {
    const Death death = random.percent(50) ? Death::kKill : Death::kPowerLoss;
    const uint64_t operation = random.between(1, 400);
    later([this, death, operation] {
      if (node_.running()) node_.machine().die_at_operation(operation, death);
    });
  }
}

void NodeWorld::end_faults() {
  simulation_.drop_events(faults_);
  fabric_.heal_all();
  fabric_.conditions() = {};
  node_.mend_disk();
}

void NodeWorld::play_round() {
  const Duration length = simulation_.random().between(seconds(1), seconds(15));
  draw_faults(length);
  const Duration end = simulation_.now() + length;
  simulation_.run_until([&] { return simulation_.now() >= end || !node_.running(); }, length);
  if (simulation_.failed()) return;
  if (node_.running()) end_process(static_cast<End>(simulation_.random().below(3)));
  // A full disk is somebody's to mend, who may first see that no node starts on it.
  const uint64_t capacity = node_.machine().disk().conditions().capacity;
  end_faults();
  if (simulation_.random().percent(50)) node_.machine().disk().conditions().capacity = capacity;
  simulation_.run_for(simulation_.random().between(Duration::zero(), seconds(3)));
}

void NodeWorld::end_process(End how) {
  if (how == End::kStop) {
    node_.ask_to_stop();
    if (!wait_for("the node stops", [this] { return node_.stopped() || !node_.running(); })) return;
    if (!node_.running()) return;
  }
  if (how == End::kPowerLoss) lose_unflushed();
  node_.end(how == End::kPowerLoss ? Death::kPowerLoss : Death::kKill);
}

void NodeWorld::lose_unflushed() {
  if (plan_.flushes_each_record) return;
  // Whoever was told of records that are gone is gone as well, and everybody learns anew what is there.
  clients_->kill();
  clients_were_lost_ = true;
  history_.report(&Invariant::on_unflushed_records_lost);
}

void NodeWorld::verify() {
  if (simulation_.failed()) return;
  clients_->verify();
  wait_for("everything can be read", [this] { return clients_->verified(); });
}

void NodeWorld::finish() {
  // A disk that is full for a while ends no process, and all goes on without a restart when there is room again.
  if (simulation_.random().percent(30) && clients_->settled()) {
    node_.fill_disk();
    simulation_.run_for(simulation_.random().between(seconds(1), seconds(10)));
  }
  if (simulation_.failed()) return;
  simulation_.trace("nothing is broken any more");
  end_faults();
  clients_->write_everywhere();
  if (!wait_for("a record is acknowledged in each partition", [this] { return clients_->written_everywhere(); }))
    return;
  clients_->ask_to_stop();
  if (!wait_for("the clients finish", [this] { return clients_->stopped(); })) return;
  verify();
  if (simulation_.failed()) return;
  end_process(simulation_.random().percent(50) ? End::kKill : End::kStop);
  start_node();
  verify();
}

RunResult run_node_world(const RunOptions& options) { return NodeWorld(options, false).run(); }
RunResult run_directories_world(const RunOptions& options) { return NodeWorld(options, true).run(); }

}  // namespace weir::sim
