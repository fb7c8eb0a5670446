// What the clients of a simulated node asked for and what they were told, as it happens; and the named invariants that
// judge it. Workloads report events to a History, which passes each to every invariant; the first broken one ends the
// run under its name. Everything here knows what a client may expect, and nothing of how a node is made.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "sim/simulation.h"

namespace weir::sim {

// A partition, e.g. "orders-3".
using Place = std::string;

// The `number`th record that a producer sent to a place, from 0. A producer's name is used once: whoever starts over
// takes another.
struct RecordId {
  std::string producer;
  int64_t number = 0;
  friend auto operator<=>(const RecordId&, const RecordId&) = default;
};

// The value of a record says which one it is, and its padding follows from that, so that a reader can tell a record
// that was changed on its way. `size` is the least size; the value is longer if it must be.
std::string record_value(const Place& place, const RecordId& id, size_t size);
// Nothing when no producer can have made this value for this place.
std::optional<RecordId> parse_record_value(const Place& place, std::string_view value);

struct FoundRecord {
  Offset offset;
  std::string value;
};

// All records of a place from `start` to `end`, read when nobody wrote.
struct WholeLog {
  Offset start;
  Offset end;
  std::vector<FoundRecord> records;
};

// Records of a compacted place: keys and values; none for a tombstone.
using KeyedRecords = std::vector<std::pair<std::string, std::optional<std::string>>>;

class Invariant {
 public:
  virtual ~Invariant() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;

  virtual void on_sent(const Place&, const RecordId&) {}
  virtual void on_acknowledged(const Place&, Offset, const RecordId&) {}
  virtual void on_fetched(const Place&, const FoundRecord&) {}
  // By one reader, in the order of its answers.
  virtual void on_high_watermark(const Place&, Offset) {}
  // A reader was told that all below the offset is committed, by whoever led then.
  virtual void on_shown_to_be_committed(const Place&, Offset) {}
  // Records below the offset were deleted on request.
  virtual void on_deleted_before(const Place&, Offset) {}
  virtual void on_read_whole(const Place&, const WholeLog&) {}
  // The bytes of the log of one replica, when all are in sync and nobody writes.
  virtual void on_replica_read(const Place&, NodeId /*replica*/, uint64_t /*size*/, uint64_t /*hash*/) {}
  virtual void on_keys_sent(const Place&, const KeyedRecords&) {}
  virtual void on_keys_acknowledged(const Place&, const KeyedRecords&) {}
  // All that committed readers find, in the order of the offsets, read when nothing was being appended but what was
  // sent last.
  virtual void on_keys_read(const Place&, const KeyedRecords&) {}
  virtual void on_commit_begun(const std::string& /*group*/, const Place&, Offset) {}
  virtual void on_commit_acknowledged(const std::string& /*group*/, const Place&, Offset) {}
  virtual void on_committed_found(const std::string& /*group*/, const Place&, Offset) {}
  virtual void on_topic_asked_for(const std::string& /*topic*/) {}
  virtual void on_topic_created(const std::string& /*topic*/) {}
  virtual void on_topic_deletion_asked_for(const std::string& /*topic*/) {}
  virtual void on_topic_deleted(const std::string& /*topic*/) {}
  virtual void on_topics_listed(const std::vector<std::string>& /*topics*/) {}
  // The metadata quorum. A vote that somebody was told of, the candidate's own among them.
  virtual void on_vote(NodeId /*voter*/, LeaderEpoch, NodeId /*candidate*/) {}
  virtual void on_leads(NodeId /*node*/, LeaderEpoch) {}
  // A batch that a node took for committed, by the offset of its first record.
  virtual void on_metadata_committed(NodeId /*node*/, Offset /*base*/, uint64_t /*hash*/) {}
  // A writer was told that its record at that offset is committed; it made the topic.
  virtual void on_metadata_acknowledged(Offset, const std::string& /*topic*/) {}
  // All topics of a node's image, which covers all records below `end`.
  virtual void on_metadata_read(NodeId /*node*/, Offset /*end*/, const std::set<std::string>& /*topics*/) {}
  // The machine lost its power while acknowledged records were not flushed, as its configuration allows: they may be
  // gone. All clients start over under new names.
  virtual void on_unflushed_records_lost() {}
  virtual void on_crash() {}
  // Whether what had crashed came up again; `error` says why not.
  virtual void on_recovery(bool /*succeeded*/, const std::string& /*error*/) {}
  // Something that must come to pass once nothing is broken any more did, or did not in the time it had.
  virtual void on_progress(const std::string& /*what*/, bool /*made*/) {}

 protected:
  friend class History;
  void broken(std::string message) { simulation_->fail(std::string(name()), std::move(message)); }

 private:
  Simulation* simulation_ = nullptr;
};

class History {
 public:
  // With every invariant there is (invariants.h).
  explicit History(Simulation& simulation);

  template <class... Args, class... Given>
  void report(void (Invariant::*event)(Args...), Given&&... given) {
    for (const auto& invariant : invariants_) (invariant.get()->*event)(given...);
  }

 private:
  std::vector<std::unique_ptr<Invariant>> invariants_;
};

}  // namespace weir::sim
