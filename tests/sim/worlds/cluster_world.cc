#include "sim/worlds/cluster_world.h"

#include <algorithm>

#include "sim/worlds/node_clients.h"

namespace weir::sim {
namespace {

constexpr size_t kVoters = 3;
constexpr size_t kReplicas = 3;
constexpr uint16_t kClientPort = 9092;
constexpr uint16_t kControllerPort = 9093;
constexpr std::string_view kClientHost = "client";
constexpr std::string_view kDataDirectory = "/data";
// Longer than any timeout of a client or a node, so that who still waits then waits for ever.
constexpr Duration kPatience = seconds(300);
// A node that was told of something by a controller tells clients of it.
constexpr Duration kNewsTakes = seconds(2);

std::string host_of(size_t id) { return fmt::format("n{}", id); }

}  // namespace

ClusterWorld::ClusterWorld(const RunOptions& options)
    : simulation_(options.seed),
      fabric_(simulation_),
      history_(simulation_),
      faults_(simulation_.new_owner()),
      starts_(simulation_.new_owner()),
      plan_(draw_plan()) {
  simulation_.print_trace(options.print_trace);
  for (size_t i = 1; i <= plan_.nodes; ++i) {
    members_.push_back(std::unique_ptr<Member>(new Member{.node = {simulation_, fabric_, host_of(i)},
                                                          .id = NodeId(static_cast<int32_t>(i)),
                                                          .shards = simulation_.random().between(1, 2)}));
    Member& member = *members_.back();
    member.node.machine().disk().conditions().sync_does_nothing = options.disk_lies;
    member.node.configure(settings_of(member));
    member.node.format();
  }
  simulation_.after_each_step([this] {
    for (const auto& member : members_) look_after(*member);
  });
}

ClusterWorld::~ClusterWorld() { clients_.reset(); }

ClusterWorld::Plan ClusterWorld::draw_plan() {
  SimRandom& random = simulation_.random();
  Plan plan{.nodes = kVoters + random.below(2),
            .flushes_each_record = random.percent(50),
            .rounds = random.between(2, 4),
            .settings = {{"default.replication.factor", std::to_string(kReplicas)},
                         {"offsets.topic.replication.factor", std::to_string(kReplicas)},
                         {"offsets.topic.num.partitions", "2"},
                         {"min.insync.replicas", "2"},
                         {"controller.listener.names", "CONTROLLER"},
                         {"log.dirs", std::string(kDataDirectory)}}};
  auto pick = [&](std::string_view key, std::initializer_list<int64_t> values) {
    plan.settings[std::string(key)] = std::to_string(*(values.begin() + random.below(values.size())));
  };
  if (plan.flushes_each_record) plan.settings["log.flush.interval.messages"] = "1";
  pick("log.segment.bytes", {1 << 20, 1 << 30});
  pick("log.index.interval.bytes", {256, 4096});
  pick("group.initial.rebalance.delay.ms", {0, 500, 3000});
  pick("log.flush.offset.checkpoint.interval.ms", {300, 5000, 60'000});
  pick("replica.high.watermark.checkpoint.interval.ms", {300, 5000});
  pick("metadata.log.max.record.bytes.between.snapshots", {1000, 20'000, 20'971'520});
  pick("replica.lag.time.max.ms", {2000, 10'000, 30'000});
  pick("replica.fetch.max.bytes", {1000, 100'000, 1 << 20});
  pick("broker.session.timeout.ms", {4000, 9000});
  pick("leader.imbalance.check.interval.seconds", {2, 300});
  return plan;
}

broker::ConfigMap ClusterWorld::settings_of(const Member& member) const {
  broker::ConfigMap settings = plan_.settings;
  std::string voters;
  for (size_t i = 1; i <= kVoters; ++i) {
    voters += fmt::format("{}{}@{}:{}", i == 1 ? "" : ",", i, host_of(i), kControllerPort);
  }
  const std::string& host = member.node.host();
  const bool votes = static_cast<size_t>(member.id.value()) <= kVoters;
  const std::string listener = fmt::format("PLAINTEXT://{}:{}", host, kClientPort);
  settings["node.id"] = std::to_string(member.id.value());
  settings["controller.quorum.voters"] = voters;
  settings["process.roles"] = votes ? "broker,controller" : "broker";
  settings["advertised.listeners"] = listener;
  settings["listeners"] = votes ? fmt::format("{},CONTROLLER://{}:{}", listener, host, kControllerPort) : listener;
  return settings;
}

RunResult ClusterWorld::run() {
  std::vector<Endpoint> nodes;
  for (const auto& member : members_) nodes.push_back({member->node.host(), kClientPort});
  clients_ = std::make_unique<NodeClients>(simulation_, fabric_, history_, std::move(nodes));
  clients_->reassign(kReplicas);
  simulation_.trace("{} nodes, {}", plan_.nodes, plan_.flushes_each_record ? "flushed records" : "unflushed records");
  for (const auto& member : members_) start(*member);
  clients_->start(0);
  for (uint64_t round = 1; round <= plan_.rounds && !simulation_.failed(); ++round) play_round();
  if (!simulation_.failed()) finish();
  return {.failure = simulation_.failure(), .trace_hash = simulation_.trace_hash(), .steps = simulation_.steps()};
}

// --------------------------------------------------------------------------------------------------------------
// processes

void ClusterWorld::look_after(Member& member) {
  SimNode& node = member.node;
  if (node.machine().dying()) {
    node.bury();
  } else if (const auto reason = node.take_reason_to_give_up()) {
    simulation_.trace("{} gives up: {}", node.host(), *reason);
    if (!node.is_disk_full()) simulation_.fail("ANodeGivesUpOnlyWhenItsDiskFails", *reason);
    node.end(Death::kKill);
  } else if (node.running() && node.stopped()) {
    node.end(Death::kKill);
  } else if (node.running() && node.started() && !*node.started()) {
    const Error& error = node.started()->error();
    simulation_.trace("{} does not start: {}", node.host(), error.message);
    // Nobody can wait for ever for a quorum that is cut off.
    const bool is_excused = node.is_disk_full() || error.code == Errc::kUnavailable || error.code == Errc::kTimedOut;
    if (!is_excused) history_.report(&Invariant::on_recovery, false, error.message);
    node.end(Death::kKill);
  }
  if (!node.running() && member.loses_disk) replace_disk(member);
  if (!node.running() && member.shall_run && !member.starts_soon) start_later(member, seconds(8));
}

void ClusterWorld::start_later(Member& member, Duration delay_max) {
  member.starts_soon = true;
  simulation_.after(simulation_.random().between(Duration::zero(), delay_max), starts_, [this, &member] {
    member.starts_soon = false;
    if (!member.node.running() && member.shall_run) start(member);
  });
}

void ClusterWorld::start(Member& member) { member.node.start(member.shards); }

// As an operator does whose disk has died: the directory is a new one.
void ClusterWorld::replace_disk(Member& member) {
  simulation_.trace("{} has a new disk", member.node.host());
  member.loses_disk = false;
  const Result<> removed = member.node.machine().disk().remove_recursively(std::string(kDataDirectory));
  CHECK(removed.has_value(), "{}", removed.error().message);
  member.node.format();
}

ClusterWorld::Member& ClusterWorld::any_member() { return *members_[simulation_.random().below(members_.size())]; }

bool ClusterWorld::wait_for(const std::string& what, const std::function<bool()>& done) {
  const bool made = simulation_.run_until(done, kPatience);
  if (!simulation_.failed()) history_.report(&Invariant::on_progress, what, made);
  return made && !simulation_.failed();
}

// --------------------------------------------------------------------------------------------------------------
// faults

void ClusterWorld::later(Duration length, Fault fault) {
  simulation_.after(simulation_.random().between(Duration::zero(), length), faults_,
                    [this, fault] { (this->*fault)(); });
}

void ClusterWorld::draw_faults(Duration length) {
  SimRandom& random = simulation_.random();
  for (uint64_t resets = random.below(5); resets > 0; --resets) later(length, &ClusterWorld::reset_connection);
  for (uint64_t cuts = random.below(4); cuts > 0; --cuts) later(length, &ClusterWorld::cut_links);
  if (random.percent(30)) fabric_.conditions().slow_percent = 30;
  if (random.percent(30)) later(length, &ClusterWorld::slow_disk);
  if (random.percent(20)) later(length, &ClusterWorld::jump_clock);
}

void ClusterWorld::reset_connection() {
  const std::string host = simulation_.random().percent(30) ? std::string(kClientHost) : any_member().node.host();
  if (fabric_.reset_one(host)) simulation_.trace("a connection of {} is reset", host);
}

void ClusterWorld::cut_link(const std::string& from, const std::string& to, bool both_ways) {
  simulation_.trace("{} {} {} is cut", from, both_ways ? "and" : "to", to);
  if (both_ways) {
    fabric_.cut(from, to);
  } else {
    fabric_.cut_one_way(from, to);
  }
}

// One node from all others, with or without the clients; or one link; for good, or to and fro. It is healed by the end
// of the round, or before.
void ClusterWorld::cut_links() {
  SimRandom& random = simulation_.random();
  const std::string lonely = any_member().node.host();
  const uint64_t kind = random.below(4);
  if (kind == 0) {
    const std::string other = any_member().node.host();
    if (other != lonely) flap(lonely, other, static_cast<int>(random.between(1, 8)));
    return;
  }
  const bool both_ways = random.percent(70);
  std::vector<std::string> others;
  for (const auto& member : members_) {
    if (member->node.host() != lonely) others.push_back(member->node.host());
  }
  if (random.percent(30)) others.emplace_back(kClientHost);
  if (kind == 1) others = {others[random.below(others.size())]};
  const bool is_heard = random.percent(50);  // when it is one way
  for (const std::string& other : others) {
    cut_link(is_heard ? other : lonely, is_heard ? lonely : other, both_ways);
  }
  simulation_.after(random.between(milliseconds(100), seconds(20)), faults_, [this, lonely, others] {
    simulation_.trace("{} is reached again", lonely);
    for (const std::string& other : others) fabric_.heal(lonely, other);
  });
}

void ClusterWorld::flap(std::string a, std::string b, int times) {
  cut_link(a, b, true);
  simulation_.after(simulation_.random().between(milliseconds(10), seconds(2)), faults_, [this, a, b, times] {
    simulation_.trace("{} and {} reach each other", a, b);
    fabric_.heal(a, b);
    if (times <= 1) return;
    simulation_.after(simulation_.random().between(milliseconds(10), seconds(2)), faults_,
                      [this, a, b, times] { flap(a, b, times - 1); });
  });
}

void ClusterWorld::slow_disk() {
  Member& member = any_member();
  simulation_.trace("the disk of {} is slow", member.node.host());
  member.node.machine().disk().conditions().sync_time_max = milliseconds(400);
  member.node.machine().disk_threads().set_wait_max(milliseconds(100));
}

void ClusterWorld::fill_disk() { any_member().node.fill_disk(); }

void ClusterWorld::jump_clock() {
  Member& member = any_member();
  const auto jump = milliseconds(static_cast<int64_t>(simulation_.random().below(4000)) - 2000);
  simulation_.trace("the clock of {} jumps by {} ms", member.node.host(), jump.count());
  member.node.machine().clock().jump_wall(jump);
}

void ClusterWorld::kill_member() {
  Member& member = any_member();
  if (!member.node.running()) return;
  const Death death = plan_.flushes_each_record && simulation_.random().percent(50) ? Death::kPowerLoss : Death::kKill;
  member.node.machine().die_at_operation(simulation_.random().between(1, 200), death);
}

void ClusterWorld::stop_member() {
  Member& member = any_member();
  if (member.node.is_up() && !member.node.machine().dying()) member.node.ask_to_stop();
}

void ClusterWorld::lose_one() {
  // A voter without its vote may vote again; who loses its disk does not vote.
  Member& member = any_member();
  if (!member.node.running() || member.node.machine().dying()) return;
  member.loses_disk = static_cast<size_t>(member.id.value()) > kVoters;
  member.node.end(Death::kPowerLoss);
}

void ClusterWorld::end_faults() {
  simulation_.drop_events(faults_);
  fabric_.heal_all();
  fabric_.conditions() = {};
  for (const auto& member : members_) {
    if (member->node.running()) member->node.machine().do_not_die();
    member->node.mend_disk();
  }
}

void ClusterWorld::play_round() {
  SimRandom& random = simulation_.random();
  const Duration length = random.between(seconds(3), seconds(30));
  const bool has_loss = random.percent(40);
  if (has_loss) {
    end_faults();
    if (!make_whole()) return;
    simulation_.trace("a round with a loss");
    draw_faults(length);
    later(length, &ClusterWorld::lose_one);
  } else {
    draw_faults(length);
    if (random.percent(20)) later(length, &ClusterWorld::fill_disk);
    for (uint64_t deaths = random.below(5); deaths > 0; --deaths) later(length, &ClusterWorld::kill_member);
    for (uint64_t stops = random.below(3); stops > 0; --stops) later(length, &ClusterWorld::stop_member);
  }
  simulation_.run_for(length);
  if (simulation_.failed()) return;
  if (has_loss) {
    end_faults();
    make_whole();
  } else if (random.percent(50)) {
    end_faults();
    simulation_.run_for(random.between(Duration::zero(), seconds(20)));
  }
}

// --------------------------------------------------------------------------------------------------------------
// the end

bool ClusterWorld::make_whole() {
  const bool all_up = wait_for("all nodes are up", [this] {
    return std::ranges::all_of(members_, [](const auto& member) { return member->node.is_up(); });
  });
  if (!all_up) return false;
  clients_->look_whether_whole();
  return wait_for("all replicas are in sync", [this] { return clients_->is_whole(); });
}

bool ClusterWorld::verify() {
  if (!make_whole()) return false;
  simulation_.run_for(kNewsTakes);
  clients_->verify();
  return wait_for("everything can be read", [this] { return clients_->verified(); });
}

void ClusterWorld::compare_replicas() {
  for (const auto& member : members_) {
    SimDisk& disk = member->node.machine().disk();
    const auto places = disk.list(std::string(kDataDirectory));
    CHECK(places.has_value(), "{}", places.error().message);
    for (const FileInfo& place : *places) {
      if (!place.name.starts_with("orders-")) continue;
      const std::string directory = fmt::format("{}/{}", kDataDirectory, place.name);
      const auto files = disk.list(directory);
      CHECK(files.has_value(), "{}", files.error().message);
      std::map<std::string, std::string> logs;
      for (const FileInfo& file : *files) {
        if (!file.name.ends_with(".log")) continue;
        const auto text = disk.read_file(fmt::format("{}/{}", directory, file.name));
        CHECK(text.has_value(), "{}", text.error().message);
        logs[file.name] = *text;
      }
      std::string whole;
      for (const auto& [name, text] : logs) whole += text;
      simulation_.trace("{} has {}: {} bytes", member->node.host(), place.name, whole.size());
      history_.report(&Invariant::on_replica_read, place.name, member->id, whole.size(),
                      static_cast<uint64_t>(std::hash<std::string>{}(whole)));
    }
  }
}

void ClusterWorld::finish() {
  simulation_.trace("nothing is broken any more");
  end_faults();
  clients_->write_everywhere();
  if (!wait_for("a record is acknowledged in each partition", [this] { return clients_->written_everywhere(); }))
    return;
  clients_->ask_to_stop();
  if (!wait_for("the clients finish", [this] { return clients_->stopped(); })) return;
  if (!verify()) return;
  for (const auto& member : members_) {
    member->shall_run = false;
    member->node.end(plan_.flushes_each_record ? Death::kPowerLoss : Death::kKill);
  }
  compare_replicas();
  if (simulation_.failed()) return;
  for (const auto& member : members_) {
    member->shall_run = true;
    start_later(*member, seconds(20));
  }
  verify();
}

RunResult run_cluster_world(const RunOptions& options) { return ClusterWorld(options).run(); }

}  // namespace weir::sim
