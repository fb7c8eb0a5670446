#include "sim/invariants.h"

#include <algorithm>

namespace weir::sim {
namespace {

std::string describe(const RecordId& id) { return fmt::format("{} #{}", id.producer, id.number); }

}  // namespace

std::vector<std::unique_ptr<Invariant>> all_invariants() {
  std::vector<std::unique_ptr<Invariant>> all;
  all.push_back(std::make_unique<AcknowledgedRecordIsNeverLost>());
  all.push_back(std::make_unique<NoRecordIsDuplicatedOrReordered>());
  all.push_back(std::make_unique<HighWatermarkNeverRetreats>());
  all.push_back(std::make_unique<CommittedOffsetsOfALogStay>());
  all.push_back(std::make_unique<ReplicasAreTheSame>());
  all.push_back(std::make_unique<FetchedRecordsMatchWhatWasProduced>());
  all.push_back(std::make_unique<CommittedOffsetIsNeverLost>());
  all.push_back(std::make_unique<TopicsAreThoseThatWereMade>());
  all.push_back(std::make_unique<LatestValueOfEachKeySurvivesCompaction>());
  all.push_back(std::make_unique<AtMostOneLeaderPerEpoch>());
  all.push_back(std::make_unique<NobodyVotesTwiceInAnEpoch>());
  all.push_back(std::make_unique<CommittedMetadataIsTheSameEverywhere>());
  all.push_back(std::make_unique<AcknowledgedMetadataIsNeverLost>());
  all.push_back(std::make_unique<LogRecoversAfterEveryCrash>());
  all.push_back(std::make_unique<EverythingGoesOnWhenFaultsEnd>());
  return all;
}

void CommittedOffsetsOfALogStay::on_read_whole(const Place& place, const WholeLog& log) {
  const auto shown = shown_.find(place);
  if (shown == shown_.end() || log.end >= shown->second) return;
  broken(fmt::format("{} ends at {}, and a reader was told that all below {} is committed", place, log.end.value(),
                     shown->second.value()));
}

void ReplicasAreTheSame::on_replica_read(const Place& place, NodeId replica, uint64_t size, uint64_t hash) {
  const auto [first, is_first] = first_.try_emplace(place, Read{replica, size, hash});
  if (is_first || (first->second.size == size && first->second.hash == hash)) return;
  broken(fmt::format("{} has {} bytes ({:016x}) on {} and {} bytes ({:016x}) on {}", place, first->second.size,
                     first->second.hash, first->second.replica.value(), size, hash, replica.value()));
}

void LatestValueOfEachKeySurvivesCompaction::on_keys_sent(const Place& place, const KeyedRecords& records) {
  for (const auto& [key, value] : records) keys_[{place, key}].undecided.insert(value);
}

void LatestValueOfEachKeySurvivesCompaction::on_keys_acknowledged(const Place& place, const KeyedRecords& records) {
  for (const auto& [key, value] : records) keys_[{place, key}] = {.acknowledged = value, .undecided = {}};
}

void LatestValueOfEachKeySurvivesCompaction::on_keys_read(const Place& place, const KeyedRecords& records) {
  std::map<std::string, std::optional<std::string>> found;
  for (const auto& [key, value] : records) found[key] = value;
  for (auto& [place_and_key, key] : keys_) {
    if (place_and_key.first != place) continue;
    const auto last = found.find(place_and_key.second);
    const auto value = last == found.end() ? std::nullopt : last->second;
    if (value == key.acknowledged || key.undecided.contains(value)) {
      // Who has read it once must not find another.
      if (value != key.acknowledged) key = {.acknowledged = value, .undecided = {}};
      continue;
    }
    broken(fmt::format("{} of {} is {}, and {} was acknowledged", place_and_key.second, place,
                       value.value_or("deleted"), key.acknowledged.value_or("its deletion")));
  }
}

void AcknowledgedRecordIsNeverLost::on_acknowledged(const Place& place, Offset offset, const RecordId& id) {
  acknowledged_[place].emplace(offset, id);
}

void AcknowledgedRecordIsNeverLost::on_deleted_before(const Place& place, Offset offset) {
  Offset& before = deleted_before_.try_emplace(place, Offset(0)).first->second;
  before = std::max(before, offset);
}

void AcknowledgedRecordIsNeverLost::on_read_whole(const Place& place, const WholeLog& log) {
  const Offset deleted_before = deleted_before_.try_emplace(place, Offset(0)).first->second;
  if (log.start > deleted_before) {
    broken(fmt::format("{} starts at {}, and only what is below {} was deleted", place, log.start.value(),
                       deleted_before.value()));
  }
  std::map<Offset, const std::string*> found;
  for (const FoundRecord& record : log.records) found.emplace(record.offset, &record.value);
  for (const auto& [offset, id] : acknowledged_[place]) {
    if (offset < deleted_before) continue;
    const auto record = found.find(offset);
    if (record == found.end()) {
      broken(fmt::format("{} has no record at {}, where {} was acknowledged; it ends at {}", place, offset.value(),
                         describe(id), log.end.value()));
      return;
    }
    if (parse_record_value(place, *record->second) != id) {
      broken(fmt::format("{} has another record at {} than {}, which was acknowledged there", place, offset.value(),
                         describe(id)));
      return;
    }
  }
}

void NoRecordIsDuplicatedOrReordered::on_fetched(const Place& place, const FoundRecord& record) {
  const auto id = parse_record_value(place, record.value);
  if (id) at(place, record.offset, *id);
}

void NoRecordIsDuplicatedOrReordered::at(const Place& place, Offset offset, const RecordId& id) {
  auto& numbers = places_[{place, id.producer}];
  const auto [entry, added] = numbers.emplace(offset, id.number);
  if (!added) return;
  if (entry != numbers.begin() && std::prev(entry)->second >= id.number) {
    broken(fmt::format("{}: {} is at {}, behind #{} at {}", place, describe(id), offset.value(),
                       std::prev(entry)->second, std::prev(entry)->first.value()));
  }
  if (std::next(entry) != numbers.end() && std::next(entry)->second <= id.number) {
    broken(fmt::format("{}: {} is at {}, before #{} at {}", place, describe(id), offset.value(),
                       std::next(entry)->second, std::next(entry)->first.value()));
  }
}

void HighWatermarkNeverRetreats::on_high_watermark(const Place& place, Offset offset) {
  Offset& highest = highest_.try_emplace(place, offset).first->second;
  if (offset < highest) {
    broken(fmt::format("{}: {} after {}", place, offset.value(), highest.value()));
  }
  highest = offset;
}

void FetchedRecordsMatchWhatWasProduced::on_fetched(const Place& place, const FoundRecord& record) {
  const auto id = parse_record_value(place, record.value);
  if (!id || !sent_[place].contains(*id)) {
    broken(fmt::format("{} gives a record at {} that nobody sent: {:?}", place, record.offset.value(),
                       std::string_view(record.value).substr(0, 80)));
    return;
  }
  at(place, record.offset, *id);
}

void FetchedRecordsMatchWhatWasProduced::at(const Place& place, Offset offset, const RecordId& id) {
  const auto entry = seen_[place].emplace(offset, id).first;
  if (entry->second != id) {
    broken(fmt::format("{} has {} at {}, where {} was seen before", place, describe(id), offset.value(),
                       describe(entry->second)));
  }
}

void CommittedOffsetIsNeverLost::on_commit_begun(const std::string& group, const Place& place, Offset offset) {
  groups_[{group, place}].undecided.insert(offset);
}

void CommittedOffsetIsNeverLost::on_commit_acknowledged(const std::string& group, const Place& place, Offset offset) {
  groups_[{group, place}] = {.acknowledged = offset, .undecided = {}};
}

void CommittedOffsetIsNeverLost::on_committed_found(const std::string& group, const Place& place, Offset offset) {
  const auto [entry, is_first] = groups_.try_emplace({group, place});
  Commits& commits = entry->second;
  if (is_first && learns_anew_) commits.acknowledged = offset;
  if (offset == commits.acknowledged || commits.undecided.contains(offset)) return;
  broken(fmt::format("group {} has {} for {}, and {} was acknowledged last", group, offset.value(), place,
                     commits.acknowledged.value()));
}

void TopicsAreThoseThatWereMade::on_topics_listed(const std::vector<std::string>& topics) {
  for (const auto& [topic, state] : topics_) {
    const bool listed = std::ranges::find(topics, topic) != topics.end();
    if (state == State::kThere && !listed) broken("topic " + topic + " was created and is not there");
    if (state == State::kGone && listed) broken("topic " + topic + " was deleted and is there");
  }
}

// -------------------------------------------------------------------------------------------------------------- quorum

void AtMostOneLeaderPerEpoch::on_leads(NodeId node, LeaderEpoch epoch) {
  const auto [known, is_new] = leaders_.emplace(epoch, node);
  if (known->second == node) return;
  broken(fmt::format("nodes {} and {} lead epoch {}", known->second.value(), node.value(), epoch.value()));
}

void NobodyVotesTwiceInAnEpoch::on_vote(NodeId voter, LeaderEpoch epoch, NodeId candidate) {
  const auto [known, is_new] = votes_.emplace(std::pair(voter, epoch), candidate);
  if (known->second == candidate) return;
  broken(fmt::format("node {} votes for {} and for {} in epoch {}", voter.value(), known->second.value(),
                     candidate.value(), epoch.value()));
}

void CommittedMetadataIsTheSameEverywhere::on_metadata_committed(NodeId node, Offset base, uint64_t hash) {
  const auto [known, is_new] = batches_.emplace(base, std::pair(hash, node));
  if (known->second.first == hash) return;
  broken(fmt::format("the batch at offset {} is another one on node {} than on node {}", base.value(), node.value(),
                     known->second.second.value()));
}

void AcknowledgedMetadataIsNeverLost::on_metadata_read(NodeId node, Offset end, const std::set<std::string>& topics) {
  for (const auto& [offset, topic] : acknowledged_) {
    if (offset >= end) return;
    if (topics.contains(topic)) continue;
    broken(fmt::format("{} was made at offset {}; node {}, which knows all below {}, does not have it", topic,
                       offset.value(), node.value(), end.value()));
    return;
  }
}

}  // namespace weir::sim
