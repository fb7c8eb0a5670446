// The invariants of one node with its disk and its clients. Each is a class that bears the name of what must hold.
#pragma once

#include <set>

#include "sim/history.h"

namespace weir::sim {

std::vector<std::unique_ptr<Invariant>> all_invariants();

// A record that was acknowledged at an offset is there as long as the log is.
class AcknowledgedRecordIsNeverLost final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "AcknowledgedRecordIsNeverLost"; }
  void on_acknowledged(const Place& place, Offset offset, const RecordId& id) override;
  void on_deleted_before(const Place& place, Offset offset) override;
  void on_read_whole(const Place& place, const WholeLog& log) override;
  void on_unflushed_records_lost() override { acknowledged_.clear(); }

 private:
  std::map<Place, std::map<Offset, RecordId>> acknowledged_;
  std::map<Place, Offset> deleted_before_;
};

// What readers see and what producers are told of an idempotent producer's records is each once, in the order of
// sending.
class NoRecordIsDuplicatedOrReordered final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "NoRecordIsDuplicatedOrReordered"; }
  void on_acknowledged(const Place& place, Offset offset, const RecordId& id) override { at(place, offset, id); }
  void on_fetched(const Place& place, const FoundRecord& record) override;
  void on_unflushed_records_lost() override { places_.clear(); }

 private:
  void at(const Place& place, Offset offset, const RecordId& id);
  std::map<std::pair<Place, std::string>, std::map<Offset, int64_t>> places_;  // numbers by offset, of a producer
};

// A reader never sees a high watermark that is below one that was seen before.
class HighWatermarkNeverRetreats final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "HighWatermarkNeverRetreats"; }
  void on_high_watermark(const Place& place, Offset offset) override;
  void on_unflushed_records_lost() override { highest_.clear(); }

 private:
  std::map<Place, Offset> highest_;
};

// What a reader was told is committed is there as long as the log is.
class CommittedOffsetsOfALogStay final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "CommittedOffsetsOfALogStay"; }
  void on_shown_to_be_committed(const Place& place, Offset offset) override {
    shown_[place] = std::max(shown_[place], offset);
  }
  void on_read_whole(const Place& place, const WholeLog& log) override;
  void on_unflushed_records_lost() override { shown_.clear(); }

 private:
  std::map<Place, Offset> shown_;
};

// The replicas of a partition that are in sync have the same bytes.
class ReplicasAreTheSame final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "ReplicasAreTheSame"; }
  void on_replica_read(const Place& place, NodeId replica, uint64_t size, uint64_t hash) override;

 private:
  struct Read {
    NodeId replica;
    uint64_t size;
    uint64_t hash;
  };
  std::map<Place, Read> first_;
};

// Every record that a reader gets was sent to that place, is whole, and is the only one that is ever seen at its
// offset.
class FetchedRecordsMatchWhatWasProduced final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "FetchedRecordsMatchWhatWasProduced"; }
  void on_sent(const Place& place, const RecordId& id) override { sent_[place].insert(id); }
  void on_acknowledged(const Place& place, Offset offset, const RecordId& id) override { at(place, offset, id); }
  void on_fetched(const Place& place, const FoundRecord& record) override;
  void on_unflushed_records_lost() override { seen_.clear(); }

 private:
  void at(const Place& place, Offset offset, const RecordId& id);
  std::map<Place, std::set<RecordId>> sent_;
  std::map<Place, std::map<Offset, RecordId>> seen_;
};

// A group's offset is the last one whose commit was acknowledged, or one of those whose fate nobody was told since.
class CommittedOffsetIsNeverLost final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "CommittedOffsetIsNeverLost"; }
  void on_commit_begun(const std::string& group, const Place& place, Offset offset) override;
  void on_commit_acknowledged(const std::string& group, const Place& place, Offset offset) override;
  void on_committed_found(const std::string& group, const Place& place, Offset offset) override;
  void on_unflushed_records_lost() override {
    groups_.clear();
    learns_anew_ = true;
  }

 private:
  struct Commits {
    Offset acknowledged = kNoOffset;
    std::set<Offset> undecided;
  };
  std::map<std::pair<std::string, Place>, Commits> groups_;
  bool learns_anew_ = false;  // what is found first is what is left
};

// A topic whose creation was acknowledged is listed until its deletion is asked for, and never after that was
// acknowledged. Metadata are flushed before they are acknowledged, whatever the configuration.
class TopicsAreThoseThatWereMade final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "TopicsAreThoseThatWereMade"; }
  void on_topic_asked_for(const std::string& topic) override { topics_[topic] = State::kMayBeThere; }
  void on_topic_created(const std::string& topic) override { topics_[topic] = State::kThere; }
  void on_topic_deletion_asked_for(const std::string& topic) override { topics_[topic] = State::kMayBeThere; }
  void on_topic_deleted(const std::string& topic) override { topics_[topic] = State::kGone; }
  void on_topics_listed(const std::vector<std::string>& topics) override;

 private:
  enum class State : uint8_t { kMayBeThere, kThere, kGone };
  std::map<std::string, State> topics_;
};

// What a reader finds last of a key is the last value that was acknowledged, or one that was sent after it. Of a key
// whose tombstone was acknowledged it may find nothing.
class LatestValueOfEachKeySurvivesCompaction final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "LatestValueOfEachKeySurvivesCompaction"; }
  void on_keys_sent(const Place& place, const KeyedRecords& records) override;
  void on_keys_acknowledged(const Place& place, const KeyedRecords& records) override;
  void on_keys_read(const Place& place, const KeyedRecords& records) override;

 private:
  struct Key {
    std::optional<std::string> acknowledged;
    std::set<std::optional<std::string>> undecided;  // sent since
  };
  std::map<std::pair<Place, std::string>, Key> keys_;
};

// No two nodes lead one epoch of the metadata quorum.
class AtMostOneLeaderPerEpoch final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "AtMostOneLeaderPerEpoch"; }
  void on_leads(NodeId node, LeaderEpoch epoch) override;

 private:
  std::map<LeaderEpoch, NodeId> leaders_;
};

// Nobody gives two candidates its vote in one epoch, whatever happened in between.
class NobodyVotesTwiceInAnEpoch final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "NobodyVotesTwiceInAnEpoch"; }
  void on_vote(NodeId voter, LeaderEpoch epoch, NodeId candidate) override;

 private:
  std::map<std::pair<NodeId, LeaderEpoch>, NodeId> votes_;
};

// What one node takes for committed at an offset is what every other does, and does for ever.
class CommittedMetadataIsTheSameEverywhere final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "CommittedMetadataIsTheSameEverywhere"; }
  void on_metadata_committed(NodeId node, Offset base, uint64_t hash) override;

 private:
  std::map<Offset, std::pair<uint64_t, NodeId>> batches_;
};

// A record whose commit was acknowledged is in every image that covers its offset.
class AcknowledgedMetadataIsNeverLost final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "AcknowledgedMetadataIsNeverLost"; }
  void on_metadata_acknowledged(Offset offset, const std::string& topic) override { acknowledged_[offset] = topic; }
  void on_metadata_read(NodeId node, Offset end, const std::set<std::string>& topics) override;

 private:
  std::map<Offset, std::string> acknowledged_;
};

// After every crash the node, or the log, opens what it finds.
class LogRecoversAfterEveryCrash final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "LogRecoversAfterEveryCrash"; }
  void on_recovery(bool succeeded, const std::string& error) override {
    if (!succeeded) broken(error);
  }
};

// When nothing is broken any more, everything that clients wait for comes to pass.
class EverythingGoesOnWhenFaultsEnd final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "EverythingGoesOnWhenFaultsEnd"; }
  void on_progress(const std::string& what, bool made) override {
    if (!made) broken("still waiting: " + what);
  }
};

}  // namespace weir::sim
