// VoterSet: the voters of the metadata quorum. VoterHistory: which set was in force from which offset on. Plain values;
// any thread. The records they come from: docs/formats/metadata-log.md.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/uuid.h"
#include "protocol/messages/voters_record.h"
#include "quorum/metadata_version.h"

namespace weir::quorum {

// A replica of the metadata log: the same node on another disk is another replica.
struct VoterKey {
  NodeId id = kNoNode;
  Uuid directory_id;  // zero: not known, as with voters that are given in the settings
  friend auto operator<=>(const VoterKey&, const VoterKey&) = default;
};

struct VoterEndpoint {
  std::string listener;
  std::string host;
  uint16_t port = 0;
  friend bool operator==(const VoterEndpoint&, const VoterEndpoint&) = default;
};

struct Voter {
  VoterKey key;
  std::vector<VoterEndpoint> endpoints;
  VersionRange kraft_version{0, 1};
  friend bool operator==(const Voter&, const Voter&) = default;
};

class VoterSet {
 public:
  VoterSet() = default;
  explicit VoterSet(std::vector<Voter> voters);

  // "1@host:9093,2@[::1]:9093", as controller.quorum.voters has it; the endpoints get the name `listener`.
  // kInvalidArgument says which part is wrong.
  static Result<VoterSet> parse_static(std::string_view text, std::string_view listener);
  // "1@host:9093:DIRECTORY_ID,...", as --initial-controllers has it.
  static Result<VoterSet> parse_initial(std::string_view text, std::string_view listener);
  static VoterSet from_record(const protocol::VotersRecord& record);
  // Its strings are views of this set.
  [[nodiscard]] protocol::VotersRecord to_record() const;

  [[nodiscard]] bool empty() const { return voters_.empty(); }
  [[nodiscard]] size_t size() const { return voters_.size(); }
  // By node id.
  [[nodiscard]] const std::map<NodeId, Voter>& voters() const { return voters_; }
  // A voter whose directory is not known is found by its id alone.
  [[nodiscard]] bool contains(const VoterKey& key) const;
  // The voter of that id; nullptr when there is none.
  [[nodiscard]] const Voter* find(NodeId id) const;
  // The set with one more voter; nothing when one of its id is there.
  [[nodiscard]] std::optional<VoterSet> with(Voter voter) const;
  // The set without that very voter; nothing when it is not there, or the only one.
  [[nodiscard]] std::optional<VoterSet> without(const VoterKey& key) const;
  // The set with what is new of one of its voters; nothing when that replica is none.
  [[nodiscard]] std::optional<VoterSet> updated(Voter voter) const;
  [[nodiscard]] bool is_only_voter(const VoterKey& key) const { return size() == 1 && contains(key); }
  [[nodiscard]] size_t majority() const { return voters_.size() / 2 + 1; }

  friend bool operator==(const VoterSet&, const VoterSet&) = default;

 private:
  std::map<NodeId, Voter> voters_;
};

// The kraft.version and the voters that the log's control records name. A change is in force from its append on, not
// from its commit: the next election needs it.
class VoterHistory {
 public:
  VoterHistory() = default;
  explicit VoterHistory(VoterSet static_voters) : static_voters_(std::move(static_voters)) {}

  void add_kraft_version(Offset offset, int16_t kraft_version) { kraft_versions_[offset] = kraft_version; }
  void add_voters(Offset offset, VoterSet voters) { voters_[offset] = std::move(voters); }

  // The records from `end` on are gone.
  void truncate_to(Offset end) {
    kraft_versions_.erase(kraft_versions_.lower_bound(end), kraft_versions_.end());
    voters_.erase(voters_.lower_bound(end), voters_.end());
  }
  // Only the settings' voters are left.
  void clear() {
    kraft_versions_.clear();
    voters_.clear();
  }

  [[nodiscard]] int16_t kraft_version() const {
    return kraft_versions_.empty() ? int16_t{0} : kraft_versions_.rbegin()->second;
  }
  [[nodiscard]] const VoterSet& voters() const { return voters_.empty() ? static_voters_ : voters_.rbegin()->second; }
  // What was in force before the record at `offset`.
  [[nodiscard]] int16_t kraft_version_before(Offset offset) const;
  [[nodiscard]] const VoterSet& voters_before(Offset offset) const;
  // Of the record that the voters in force come from; -1 when that is in the checkpoint that the directory was
  // formatted with, or in the settings.
  [[nodiscard]] Offset voters_offset() const { return voters_.empty() ? Offset(-1) : voters_.rbegin()->first; }
  // Whether the voters in force come from a record of the log itself, not from the checkpoint that the directory was
  // formatted with.
  [[nodiscard]] bool voters_are_in_log() const { return voters_offset() >= Offset(0); }

 private:
  VoterSet static_voters_;
  std::map<Offset, int16_t> kraft_versions_;
  std::map<Offset, VoterSet> voters_;
};

}  // namespace weir::quorum
