// A world of one metadata quorum: three to five voters and perhaps others, each a RaftNode with its disk, without the
// rest of a node. Whoever leads writes topics. Where voters are dynamic, somebody removes some (the leader too) and
// adds others, and the others may be controllers that join by themselves. Links are cut (both ways, one way, between
// some), messages are lost, late, twice there and out of order; processes are killed, lose their power or stop in good
// order, and come back; disks get full and slow; wall clocks jump. One seed decides on all of it.
//
// Requests go as encoded messages over lossy links, not over connections: that allows more than a network does.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "quorum/format.h"
#include "quorum/raft_node.h"
#include "sim/history.h"
#include "sim/machine.h"
#include "sim/worlds/run.h"

namespace weir::sim {

class QuorumWorld {
 public:
  explicit QuorumWorld(const RunOptions& options);
  ~QuorumWorld();
  RunResult run();

 private:
  class Channel;
  // One place of a node: its machine, and the process that runs there now and then.
  struct Member final : public quorum::LeadershipListener {
    QuorumWorld& world;
    NodeId id;
    bool is_voter;  // from the beginning
    bool is_controller;
    Machine machine;
    std::shared_ptr<quorum::MetadataLoader> loader{};
    std::shared_ptr<Channel> channel{};
    std::shared_ptr<quorum::RaftNode> node{};
    uint64_t life = 0;    // counts its processes
    bool serves = false;  // started, and not stopping
    bool has_no_power = false;
    uint64_t term = 0;  // of its leadership, for its writer
    bool leads = false;
    LeaderEpoch led{-1};  // the last epoch that it began to lead
    Offset seen{0};       // what was committed here up to this was compared

    Member(QuorumWorld& owner, NodeId node_id, bool votes, bool may_vote);
    void on_leader(LeaderEpoch epoch) override;
    void on_no_longer_leader() override { leads = false; }
  };

  void format();
  [[nodiscard]] quorum::RaftOptions options_of(const Member& member) const;
  void start(Member& member);
  Task<void> run_node(Member& member);
  Task<void> stop_node(Member& member);
  // The process of the member is no more.
  void forget(Member& member);
  void end(Member& member, Death how);
  void bury_the_dying();
  Task<void> write_topics(Member& member, uint64_t term);
  // Asks a leader for changes of the set of voters, some of them at once.
  void change_voters(Member& chief);
  Task<void> change_voters_once(Member& chief);

  void play_round();
  void begin_faults();
  void cut_links();
  void strike(Member& member);
  void end_round();
  void settle();
  [[nodiscard]] bool voters_agree();

  void check();
  void compare_committed(Member& member);
  void read_images();
  [[nodiscard]] Member& member(NodeId id);
  [[nodiscard]] Member& any();
  [[nodiscard]] Member* leader();
  // Carries `arrive` from one member to another, if it is not lost.
  void carry(NodeId from, NodeId to, std::function<void()> arrive);

  Simulation simulation_;
  Fabric fabric_;
  History history_;
  std::vector<std::unique_ptr<Member>> members_;
  quorum::VoterSet voters_;
  bool has_static_voters_ = false;
  bool changes_voters_ = false;
  quorum::RaftOptions settings_;
  std::set<std::pair<NodeId, NodeId>> cut_;  // from, to
  uint32_t lost_percent_ = 0;
  uint32_t twice_percent_ = 0;
  Duration delay_max_ = milliseconds(2);
  uint64_t round_ = 0;
  int topics_ = 0;
  int acknowledged_ = 0;
};

RunResult run_quorum_world(const RunOptions& options);

}  // namespace weir::sim
