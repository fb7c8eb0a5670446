#include "sim/worlds/quorum_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/crc32c.h"
#include "protocol/messages/api_versions_request.h"
#include "protocol/messages/api_versions_response.h"
#include "storage/full_disk.h"

namespace weir::sim {
namespace {

constexpr uint64_t kRounds = 8;
constexpr std::string_view kListener = "CONTROLLER";
constexpr uint16_t kPort = 9093;
const std::string kDirectory = "/data";

std::string host_of(NodeId id) { return fmt::format("n{}", id.value()); }

quorum::VoterEndpoint endpoint_of(NodeId id) { return {std::string(kListener), host_of(id), kPort}; }

template <class Request>
bool is_real_vote(const Request&) {
  return false;
}
bool is_real_vote(const protocol::VoteRequest& request) {
  return !request.topics.empty() && !request.topics.front().partitions.empty() &&
         !request.topics.front().partitions.front().pre_vote;
}
// Of the node's listener, not of its RaftNode.
Task<protocol::Reply<protocol::ApiVersionsResponse>> reply_of(quorum::RaftNode& /*node*/,
                                                              const protocol::ApiVersionsRequest& /*request*/,
                                                              int16_t /*version*/) {
  protocol::Reply<protocol::ApiVersionsResponse> reply;
  reply.response.supported_features.push_back({quorum::kKraftVersionFeature, 0, 1});
  co_return reply;
}
template <class Request>
Task<protocol::Reply<typename Request::Response>> reply_of(quorum::RaftNode& node, const Request& request,
                                                           int16_t version) {
  return node.handle(request, version);
}

bool is_granted(const protocol::VoteResponse& response) {
  return !response.topics.empty() && response.topics.front().partitions.front().vote_granted;
}

}  // namespace

// --------------------------------------------------------------------------------------------------------------
// channel

class QuorumWorld::Channel final : public quorum::QuorumChannel {
 public:
  Channel(QuorumWorld& world, Member& self) : world_(world), self_(self), life_(self.life) {}
  void close() override {
    closed_ = true;
    for (const auto& waiting : std::exchange(waiting_, {})) {
      if (const auto call = waiting.lock()) call->done.notify_all();
    }
  }

 private:
  struct Call {
    std::optional<ByteVector> answer;
    bool refused = false;
    WaitList done;
  };

  Task<Result<protocol::Incoming>> exchange(Endpoint to, const protocol::Outgoing& request,
                                            MonotonicTime deadline) override {
    if (closed_) co_return fail(Errc::kClosed, "the channel is closed");
    const int16_t version = request.version_max;
    protocol::Writer out;
    CO_TRY(request.encode(out, version));
    const ByteVector bytes = to_vector(out.release().bytes);
    auto call = std::make_shared<Call>();
    std::erase_if(waiting_, [](const auto& waiting) { return waiting.expired(); });
    waiting_.push_back(call);
    Member* target = nullptr;
    for (const auto& member : world_.members_) {
      if (host_of(member->id) == to.host) target = member.get();
    }
    CHECK(target != nullptr, "nobody is called {}", to.host);
    note_own_vote(request.key, bytes, version);
    world_.carry(self_.id, target->id,
                 [world = &world_, from = self_.id, life = life_, target, key = request.key, version, bytes, call] {
                   deliver(*world, from, life, *target, key, version, bytes, call);
                 });
    while (!call->answer && !call->refused && !closed_) {
      if (!co_await call->done.wait_until(deadline)) co_return fail(Errc::kTimedOut, "no answer from " + to.host);
    }
    if (!call->answer) co_return fail(Errc::kClosed, call->refused ? "refused" : "the channel is closed");
    Buffer owner = Buffer::allocate(call->answer->size());
    std::ranges::copy(*call->answer, owner.data());
    const ByteView body(owner.data(), call->answer->size());
    co_return protocol::Incoming{.owner = std::move(owner), .body = body, .version = version};
  }

  // Who asks for votes has given itself its own.
  void note_own_vote(protocol::ApiKey key, ByteView bytes, int16_t version) {
    if (key != protocol::ApiKey::kVote) return;
    protocol::VoteRequest request;
    protocol::Reader in(bytes);
    CHECK(request.decode(in, version).has_value());
    if (!is_real_vote(request)) return;
    world_.history_.report(&Invariant::on_vote, self_.id,
                           LeaderEpoch(request.topics.front().partitions.front().replica_epoch), self_.id);
  }

  static void deliver(QuorumWorld& world, NodeId from, uint64_t life, Member& target, protocol::ApiKey key,
                      int16_t version, ByteVector bytes, std::shared_ptr<Call> call) {
    // The kernel answers for a process that is gone, not for a machine without power.
    if (!target.machine.running() && !target.has_no_power) return refuse(world, target.id, from, life, call);
    if (!target.serves || target.machine.dying()) return;
    auto serve = [&]<class Request>() {
      target.machine.loop(0).post([&world, from, life, &target, version, bytes = std::move(bytes), call] {
        if (!target.serves) return;
        target.machine.loop(0).spawn(answer<Request>(world, from, life, target, version, bytes, call));
      });
    };
    switch (key) {
      case protocol::ApiKey::kVote:
        return serve.template operator()<protocol::VoteRequest>();
      case protocol::ApiKey::kBeginQuorumEpoch:
        return serve.template operator()<protocol::BeginQuorumEpochRequest>();
      case protocol::ApiKey::kEndQuorumEpoch:
        return serve.template operator()<protocol::EndQuorumEpochRequest>();
      case protocol::ApiKey::kFetch:
        return serve.template operator()<protocol::FetchRequest>();
      case protocol::ApiKey::kFetchSnapshot:
        return serve.template operator()<protocol::FetchSnapshotRequest>();
      case protocol::ApiKey::kApiVersions:
        return serve.template operator()<protocol::ApiVersionsRequest>();
      case protocol::ApiKey::kAddRaftVoter:
        return serve.template operator()<protocol::AddRaftVoterRequest>();
      case protocol::ApiKey::kRemoveRaftVoter:
        return serve.template operator()<protocol::RemoveRaftVoterRequest>();
      case protocol::ApiKey::kUpdateRaftVoter:
        return serve.template operator()<protocol::UpdateRaftVoterRequest>();
      default:
        CHECK(false, "nobody sends {}", static_cast<int>(key));
    }
  }

  static void refuse(QuorumWorld& world, NodeId target, NodeId from, uint64_t life, std::shared_ptr<Call> call) {
    world.carry(target, from, [&world, from, life, call] {
      Member& asker = world.member(from);
      if (asker.life != life || !asker.machine.running() || asker.machine.dying()) return;
      asker.machine.loop(0).post([call] {
        call->refused = true;
        call->done.notify_all();
      });
    });
  }

  template <class Request>
  static Task<void> answer(QuorumWorld& world, NodeId from, uint64_t life, Member& target, int16_t version,
                           ByteVector bytes, std::shared_ptr<Call> call) {
    Request request;
    protocol::Reader in(bytes);
    CHECK(request.decode(in, version).has_value());
    const auto reply = co_await reply_of(*target.node, request, version);
    protocol::Writer out;
    const auto encoded = reply.response.encode(out, version);
    CHECK(encoded.has_value(), "an answer cannot be encoded: {}", encoded.error().message);
    if constexpr (std::is_same_v<Request, protocol::VoteRequest>) {
      const auto& asked = request.topics.front().partitions.front();
      if (!asked.pre_vote && is_granted(reply.response)) {
        world.history_.report(&Invariant::on_vote, target.id, LeaderEpoch(asked.replica_epoch),
                              NodeId(asked.replica_id));
      }
    }
    world.carry(target.id, from, [&world, from, life, body = to_vector(out.release().bytes), call] {
      Member& asker = world.member(from);
      if (asker.life != life || !asker.machine.running() || asker.machine.dying()) return;
      asker.machine.loop(0).post([body, call] {
        call->answer = body;
        call->done.notify_all();
      });
    });
  }

  QuorumWorld& world_;
  Member& self_;
  uint64_t life_;
  bool closed_ = false;
  std::vector<std::weak_ptr<Call>> waiting_;
};

void QuorumWorld::carry(NodeId from, NodeId to, std::function<void()> arrive) {
  SimRandom& random = simulation_.random();
  if (cut_.contains({from, to}) || random.percent(lost_percent_)) return;
  const int copies = random.percent(twice_percent_) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    simulation_.after(random.between(microseconds(50), delay_max_), kWorld, [this, from, to, arrive] {
      if (!cut_.contains({from, to})) arrive();
    });
  }
}

// --------------------------------------------------------------------------------------------------------------- world

QuorumWorld::Member::Member(QuorumWorld& owner, NodeId node_id, bool votes, bool may_vote)
    : world(owner),
      id(node_id),
      is_voter(votes),
      is_controller(may_vote),
      machine(owner.simulation_, owner.fabric_, host_of(node_id)) {}

QuorumWorld::QuorumWorld(const RunOptions& options)
    : simulation_(options.seed), fabric_(simulation_), history_(simulation_) {
  simulation_.print_trace(options.print_trace);
  SimRandom& random = simulation_.random();
  has_static_voters_ = random.percent(40);
  changes_voters_ = !has_static_voters_ && random.percent(80);
  settings_.auto_join = random.percent(30);
  const int voter_count = random.percent(60) ? 3 : changes_voters_ ? 4 : 5;
  const int count = voter_count + (random.percent(40) ? 1 : 0);
  for (int i = 1; i <= count; ++i) {
    members_.push_back(
        std::make_unique<Member>(*this, NodeId(i), i <= voter_count, i <= voter_count || changes_voters_));
    SimDisk& disk = members_.back()->machine.disk();
    disk.conditions().sync_does_nothing = options.disk_lies;
    disk.conditions().eviction_percent = 0;
    CHECK(disk.create_directories(kDirectory).has_value() && disk.sync_directory("/").has_value());
  }
  if (random.percent(60)) settings_.snapshot_after_bytes = random.between(500, 4'000);
  if (random.percent(60)) settings_.retention_bytes = random.between(1, 8'000);
  if (random.percent(60)) settings_.log.segment_bytes = random.between(1'000, 8'000);
  if (random.percent(30)) settings_.fetch_snapshot_max_bytes = static_cast<int32_t>(random.between(100, 2'000));
  if (random.percent(30)) settings_.fetch_max_bytes = static_cast<int32_t>(random.between(1, 2'000));
  format();
  simulation_.after_each_step([this] { check(); });
}

QuorumWorld::~QuorumWorld() {
  for (const auto& member : members_) {
    if (member->machine.running()) end(*member, Death::kKill);
  }
}

RunResult QuorumWorld::run() {
  for (const auto& member : members_) start(*member);
  for (uint64_t round = 0; round < kRounds && !simulation_.failed(); ++round) play_round();
  if (!simulation_.failed()) settle();
  return {.failure = simulation_.failure(), .trace_hash = simulation_.trace_hash(), .steps = simulation_.steps()};
}

QuorumWorld::Member& QuorumWorld::member(NodeId id) { return *members_[static_cast<size_t>(id.value() - 1)]; }

QuorumWorld::Member& QuorumWorld::any() { return *members_[simulation_.random().below(members_.size())]; }

QuorumWorld::Member* QuorumWorld::leader() {
  for (const auto& member : members_) {
    if (member->leads && member->serves) return member.get();
  }
  return nullptr;
}

void QuorumWorld::format() {
  std::vector<quorum::Voter> voters;
  for (const auto& member : members_) {
    if (!member->is_voter) continue;
    const Uuid directory = has_static_voters_ ? Uuid() : Uuid(77, static_cast<uint64_t>(member->id.value()));
    voters.push_back({.key = {member->id, directory}, .endpoints = {endpoint_of(member->id)}});
  }
  voters_ = quorum::VoterSet(std::move(voters));
  for (const auto& member : members_) {
    quorum::FormatOptions options;
    options.cluster_id = "4L6g3nShT-eMCtK--X86sw";
    options.node_id = member->id;
    options.log_dirs = {kDirectory};
    options.metadata_log_dir = kDirectory;
    options.is_controller = member->is_controller;
    options.has_static_voters = has_static_voters_;
    if (!has_static_voters_ && member->is_controller && !member->is_voter) {
      options.first_voters = quorum::FormatOptions::FirstVoters::kNone;
    } else if (!has_static_voters_ && member->is_voter) {
      options.first_voters = quorum::FormatOptions::FirstVoters::kGiven;
      options.initial_controllers = voters_;
    }
    options.controller_endpoint = endpoint_of(member->id);
    member->machine.start(1);
    const auto formatted =
        quorum::format_directories(member->machine.disk(), simulation_.random(), member->machine.clock(), options);
    CHECK(formatted.has_value(), "cannot format: {}", formatted.error().message);
    member->machine.kill();
  }
}

// ------------------------------------------------------------------------------------------------------------
// processes

quorum::RaftOptions QuorumWorld::options_of(const Member& member) const {
  quorum::RaftOptions options = settings_;
  options.node_id = member.id;
  options.metadata_log_dir = kDirectory;
  if (has_static_voters_) options.static_voters = voters_;
  for (const auto& [id, voter] : voters_.voters()) options.bootstrap_servers.push_back({host_of(id), kPort});
  options.listener_name = std::string(kListener);
  if (member.is_controller) options.endpoints = {endpoint_of(member.id)};
  options.on_failure = [this, id = member.id](const Error& error) {
    auto& world = const_cast<QuorumWorld&>(*this);
    world.simulation_.trace("node {} fails: {}", id.value(), error.message);
    if (!world.member(id).machine.dying()) world.simulation_.fail("TheMetadataLogNeverFails", error.message);
  };
  return options;
}

void QuorumWorld::start(Member& member) {
  if (member.machine.running() || simulation_.failed()) return;
  ++member.life;
  member.has_no_power = false;
  member.machine.start(1);
  member.loader = std::make_shared<quorum::MetadataLoader>();
  member.channel = std::make_shared<Channel>(*this, member);
  member.node = std::make_shared<quorum::RaftNode>(options_of(member), member.machine.seams(), member.machine.loop(0),
                                                   *member.loader, *member.channel);
  member.machine.keep(member.loader);
  member.machine.keep(member.channel);
  member.machine.keep(member.node);
  member.seen = Offset(0);
  member.led = LeaderEpoch(-1);
  simulation_.trace("node {} starts its life {}", member.id.value(), member.life);
  member.machine.loop(0).run_inside([&] { member.machine.loop(0).spawn(run_node(member)); });
}

Task<void> QuorumWorld::run_node(Member& member) {
  const auto started = co_await member.node->start(member);
  if (member.machine.dying()) co_return;
  // Kafka does not start without room for its quorum state either: it comes back later.
  const bool may_refuse = !started && started.error().code == Errc::kNoSpace;
  history_.report(&Invariant::on_recovery, started || may_refuse, started ? "" : started.error().message);
  if (started) member.serves = true;
}

Task<void> QuorumWorld::stop_node(Member& member) {
  member.serves = false;
  static_cast<void>(co_await member.node->stop());
  if (member.machine.dying()) co_return;
  simulation_.after(Duration::zero(), kWorld, [this, &member, life = member.life] {
    if (member.life == life && member.machine.running()) end(member, Death::kKill);
  });
}

void QuorumWorld::forget(Member& member) {
  member.serves = member.leads = false;
  member.node.reset();
  member.channel.reset();
  member.loader.reset();
}

void QuorumWorld::end(Member& member, Death how) {
  simulation_.trace("node {} {}", member.id.value(), how == Death::kKill ? "ends" : "loses its power");
  forget(member);
  member.has_no_power = how == Death::kPowerLoss;
  if (how == Death::kKill) {
    member.machine.kill();
  } else {
    member.machine.power_off();
  }
}

void QuorumWorld::bury_the_dying() {
  for (const auto& member : members_) {
    if (!member->machine.dying()) continue;
    simulation_.trace("node {} dies", member->id.value());
    forget(*member);
    member->has_no_power = member->machine.death() == Death::kPowerLoss;
    member->machine.bury();
    // Some are back before an election is over.
    if (!simulation_.random().percent(50)) continue;
    const Duration soon = simulation_.random().between(milliseconds(1), milliseconds(200));
    simulation_.after(soon, kWorld, [this, &member = *member, round = round_] {
      if (round == round_) start(member);
    });
  }
}

void QuorumWorld::Member::on_leader(LeaderEpoch epoch) {
  world.simulation_.trace("node {} leads epoch {}", id.value(), epoch.value());
  leads = true;
  machine.loop(0).spawn(world.write_topics(*this, ++term));
}

Task<void> QuorumWorld::write_topics(Member& member, uint64_t term) {
  while (member.leads && member.term == term && !member.machine.dying()) {
    co_await sleep_for(simulation_.random().between(microseconds(100), milliseconds(200)));
    if (!member.leads || member.term != term || !member.serves) continue;
    quorum::MetadataRecords records(quorum::kLatestMetadataVersion);
    const int number = ++topics_;
    const std::string name = fmt::format("topic-{}", number);
    records.add(protocol::TopicRecord{.name = name, .topic_id = Uuid(1, static_cast<uint64_t>(number))});
    const auto appended = member.node->append(records);
    if (!appended) continue;
    const auto committed = co_await member.node->committed(*appended);
    if (!committed || member.machine.dying()) continue;
    simulation_.trace("{} is at offset {}", name, appended->value());
    history_.report(&Invariant::on_metadata_acknowledged, *appended, name);
    ++acknowledged_;
  }
}

void QuorumWorld::change_voters(Member& chief) {
  const uint64_t at_once = simulation_.random().between(1, 3);
  chief.machine.loop(0).post([this, &chief, life = chief.life, at_once] {
    if (chief.life != life || !chief.serves) return;
    for (uint64_t i = 0; i < at_once; ++i) chief.machine.loop(0).spawn(change_voters_once(chief));
  });
}

Task<void> QuorumWorld::change_voters_once(Member& chief) {
  SimRandom& random = simulation_.random();
  quorum::QuorumInfo info = chief.node->describe();
  std::erase_if(info.observers, [&](const auto& each) { return !member(each.key.id).is_controller; });
  const bool adds = !info.observers.empty() && (info.voters.size() < 3 || random.percent(50));
  if (!adds && info.voters.size() < 2) co_return;
  const auto& candidates = adds ? info.observers : info.voters;
  const quorum::VoterKey key = candidates[random.below(candidates.size())].key;
  int16_t error = 0;
  if (adds) {
    protocol::AddRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.voter_id = key.id.value();
    request.voter_directory_id = key.directory_id;
    const quorum::VoterEndpoint endpoint = endpoint_of(key.id);
    request.listeners.push_back({endpoint.listener, endpoint.host, endpoint.port});
    error = (co_await chief.node->handle(request, 1)).response.error_code;
  } else {
    protocol::RemoveRaftVoterRequest request;
    request.cluster_id = std::nullopt;
    request.voter_id = key.id.value();
    request.voter_directory_id = key.directory_id;
    error = (co_await chief.node->handle(request, 0)).response.error_code;
  }
  if (chief.machine.dying()) co_return;
  simulation_.trace("{} voter {} at node {}: {}", adds ? "adding" : "removing", key.id.value(), chief.id.value(),
                    error);
}

// ---------------------------------------------------------------------------------------------------------------
// faults

void QuorumWorld::play_round() {
  begin_faults();
  simulation_.run_for(simulation_.random().between(milliseconds(200), seconds(8)));
  if (!simulation_.failed()) end_round();
}

void QuorumWorld::begin_faults() {
  SimRandom& random = simulation_.random();
  lost_percent_ = random.percent(30) ? static_cast<uint32_t>(random.between(1, 40)) : 0;
  twice_percent_ = random.percent(30) ? 10 : 0;
  delay_max_ = random.percent(20) ? milliseconds(800) : milliseconds(5);
  if (random.percent(60)) cut_links();
  for (int i = 0; changes_voters_ && i < 2; ++i) {
    simulation_.after(random.between(Duration::zero(), seconds(4)), kWorld, [this, round = round_] {
      Member* chief = leader();
      if (round == round_ && chief != nullptr && !chief->machine.dying()) change_voters(*chief);
    });
  }
  for (const auto& member : members_) {
    DiskConditions& conditions = member->machine.disk().conditions();
    if (random.percent(25)) conditions.sync_time_max = milliseconds(300);
    if (random.percent(8)) conditions.capacity = member->machine.disk().used() + random.below(6'000);
    if (random.percent(10)) member->machine.clock().jump_wall(seconds(static_cast<int64_t>(random.below(600)) - 300));
    if (random.percent(40)) strike(*member);
  }
}

void QuorumWorld::cut_links() {
  SimRandom& random = simulation_.random();
  const uint64_t kind = random.below(4);
  const NodeId lonely = any().id;
  for (const auto& from : members_) {
    for (const auto& to : members_) {
      if (from == to) continue;
      const bool one_side = (from->id.value() + static_cast<int>(simulation_.seed())) % 2 == 0;
      const bool other_side = (to->id.value() + static_cast<int>(simulation_.seed())) % 2 == 0;
      const bool is_cut = kind == 0   ? from->id == lonely || to->id == lonely  // isolated
                          : kind == 1 ? to->id == lonely                        // speaks and does not hear
                          : kind == 2 ? one_side != other_side                  // two camps
                                      : random.percent(40);                     // here and there
      if (is_cut) cut_.insert({from->id, to->id});
    }
  }
  simulation_.trace("{} links are cut", cut_.size());
}

void QuorumWorld::strike(Member& member) {
  SimRandom& random = simulation_.random();
  const Death how = random.percent(50) ? Death::kKill : Death::kPowerLoss;
  const bool stays_down = random.percent(40);
  if (member.machine.running() && random.percent(50)) {
    member.machine.die_at_operation(random.between(1, 60), how);
  } else {
    const bool in_good_order = random.percent(30);
    simulation_.after(random.between(Duration::zero(), seconds(4)), kWorld,
                      [this, &member, how, in_good_order, round = round_] {
                        if (round != round_ || !member.machine.running() || member.machine.dying()) return;
                        if (in_good_order && member.serves) {
                          member.machine.loop(0).run_inside([&] { member.machine.loop(0).spawn(stop_node(member)); });
                        } else {
                          end(member, how);
                        }
                      });
  }
  if (!stays_down) {
    for (const Duration later : {seconds(1), seconds(5)}) {
      simulation_.after(later + random.between(Duration::zero(), seconds(1)), kWorld, [this, &member, round = round_] {
        if (round == round_) start(member);
      });
    }
  }
}

void QuorumWorld::end_round() {
  ++round_;
  cut_.clear();
  lost_percent_ = twice_percent_ = 0;
  delay_max_ = milliseconds(5);
  for (const auto& member : members_) {
    member->machine.do_not_die();
    member->machine.disk().conditions().sync_time_max = DiskConditions{}.sync_time_max;
    member->machine.disk().conditions().capacity = DiskConditions{}.capacity;
    // One that refused to start on a full disk is still there.
    if (member->machine.running() && !member->serves) end(*member, Death::kKill);
    start(*member);
  }
  read_images();
}

// All is well again: somebody leads, all follow, and what is written reaches everyone.
void QuorumWorld::settle() {
  const int before = acknowledged_;
  const bool writes = simulation_.run_until([&] { return acknowledged_ > before + 2; }, seconds(120));
  history_.report(&Invariant::on_progress, "a topic that is committed", writes);
  if (simulation_.failed()) return;
  const Member* chief = leader();
  const Offset end = chief == nullptr ? kNoOffset : chief->node->loaded_end();
  const bool reaches_all = simulation_.run_until(
      [&] {
        return std::ranges::all_of(members_,
                                   [&](const auto& each) { return each->serves && each->node->loaded_end() >= end; });
      },
      seconds(120));
  history_.report(&Invariant::on_progress, "every member's image", reaches_all);
  // A leader that was removed has left, and whoever kept the voters of a tail that was cut off disagrees.
  const bool agrees = simulation_.run_until([&] { return voters_agree(); }, seconds(120));
  history_.report(&Invariant::on_progress, "the same voters everywhere, the leader among them", agrees);
  read_images();
}

bool QuorumWorld::voters_agree() {
  const Member* chief = leader();
  if (chief == nullptr) return false;
  const quorum::VoterSet voters = chief->node->describe().voter_set;
  return voters.find(chief->id) != nullptr && std::ranges::all_of(members_, [&](const auto& each) {
           return each->serves && each->node->describe().voter_set == voters;
         });
}

// ---------------------------------------------------------------------------------------------------------------
// checks

void QuorumWorld::check() {
  bury_the_dying();
  for (const auto& member : members_) {
    if (!member->serves) continue;
    if (member->node->is_leader() && member->led != member->node->epoch()) {
      member->led = member->node->epoch();
      // Some want a change before this leader has committed anything.
      if (changes_voters_ && simulation_.random().percent(50)) change_voters(*member);
    }
    if (member->node->is_leader()) history_.report(&Invariant::on_leads, member->id, member->node->epoch());
    if (member->node->loaded_end() > member->seen) compare_committed(*member);
  }
}

void QuorumWorld::compare_committed(Member& member) {
  quorum::RaftLog& log = member.node->log();
  const Offset from = std::max(member.seen, log.start_offset());
  const Offset to = member.node->loaded_end();
  const Place place = fmt::format("the metadata log of node {} in its life {}", member.id.value(), member.life);
  history_.report(&Invariant::on_high_watermark, place, member.node->high_watermark());
  const auto read = log.read(from, to, [&](const protocol::RecordBatch& batch) -> Result<> {
    history_.report(&Invariant::on_metadata_committed, member.id, batch.base_offset(),
                    uint64_t{protocol::crc32c(batch.bytes())});
    return {};
  });
  if (!read && from < to) simulation_.fail("CommittedMetadataCanBeRead", read.error().message);
  member.seen = to;
}

void QuorumWorld::read_images() {
  for (const auto& member : members_) {
    if (!member->serves) continue;
    std::set<std::string> topics;
    for (int i = 1; i <= topics_; ++i) {
      std::string name = fmt::format("topic-{}", i);
      if (member->loader->image()->topic(name) != nullptr) topics.insert(std::move(name));
    }
    history_.report(&Invariant::on_metadata_read, member->id, member->node->loaded_end(), topics);
  }
}

RunResult run_quorum_world(const RunOptions& options) { return QuorumWorld(options).run(); }

}  // namespace weir::sim
