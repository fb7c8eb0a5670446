#include "broker/group/group_coordinator.h"

#include <algorithm>

#include "base/check.h"
#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::ErrorCode;

class GroupCoordinator::ExpiryTimer final : public Timer {
 public:
  explicit ExpiryTimer(bool& due) : due_(due) {}

 private:
  void on_expiry() override { due_ = true; }
  bool& due_;
};

GroupCoordinator::GroupCoordinator(GroupConfig config, Random& random, const TopicCatalog& topics)
    : config_(std::move(config)),
      random_(random),
      topics_(topics),
      consumers_(config_, topics, timers_, expired_, groups_memory_bytes_),
      expiry_timer_(std::make_unique<ExpiryTimer>(expiry_due_)) {}

void GroupCoordinator::on_record(Offset offset, ProducerId producer, ByteView key, std::optional<ByteView> value) {
  if (!load_status_) return;
  Result<ParsedRecord> record = parse_record(key, value);
  if (!record) {
    load_status_ =
        fail(record.error().code, "record at offset " + std::to_string(offset.value()) + ": " + record.error().message);
    return;
  }
  replay(*std::move(record), offset, producer, true);
}

void GroupCoordinator::on_marker(ProducerId producer, bool committed) { offsets_.end_transaction(producer, committed); }

// The one place where records take effect, when loading and when running. Running, the group of a group record is ahead
// of it.
void GroupCoordinator::replay(ParsedRecord record, Offset offset, ProducerId producer, bool loading) {
  if (auto* commit = std::get_if<OffsetRecord>(&record)) {
    if (!commit->value) return offsets_.remove(commit->group_id, commit->partition);
    commit->value->record_offset = offset;
    offsets_.put(commit->group_id, commit->partition, *std::move(commit->value), producer);
    // Who only commits offsets has no group record; the group is there all the same.
    if (consumers_.find(commit->group_id) == nullptr) find_or_create(commit->group_id, {MonotonicTime{}, Timestamp{}});
  } else if (auto* group = std::get_if<GroupRecord>(&record)) {
    // Decided before the group became one of the consumer protocol.
    if (!loading && consumers_.find(group->group_id) != nullptr) return;
    if (!group->value) {
      ClassicGroup* present = find(group->group_id);
      if (present == nullptr) return;
      present->persisted = false;
      // Somebody may have joined while the tombstone was being written: then the group lives on and will write itself
      // again.
      const bool idle = present->state() == GroupState::kEmpty && present->pending_count() == 0;
      if (loading || idle) erase_group(group->group_id);
    } else if (ClassicGroup* present = find(group->group_id); present != nullptr && !loading) {
      present->persisted = true;
    } else {
      // Running, it is missing when a tombstone was committed since its record was decided.
      erase_group(group->group_id);
      find_or_create(group->group_id, {MonotonicTime{}, Timestamp{}}).load(*group->value);
    }
  } else if (auto* consumer = std::get_if<ConsumerRecord>(&record)) {
    if (!loading) return;  // it took effect when it was decided
    std::ignore = consumers_.apply(*consumer);
    // What was only known by its offsets.
    const ClassicGroup* known = find_group(group_id_of(*consumer));
    if (known != nullptr && !known->persisted && consumers_.find(known->id()) != nullptr) erase_group(known->id());
  } else if (auto* foreign = std::get_if<ForeignGroupRecord>(&record)) {
    if (foreign->exists) {
      foreign_.insert_or_assign(foreign->group_id, ForeignGroup{foreign->type, foreign->protocol_type});
    } else {
      foreign_.erase(foreign->group_id);
    }
  }
}

void GroupCoordinator::loaded(GroupTime now) {
  for (const std::string& id : group_ids()) {
    ClassicGroup& group = *find(id);
    for (const auto& member : group.members()) restart_session(*member, now);
    // The limit may have been lowered since the group was written.
    if (group.members().size() > static_cast<size_t>(config_.group_size_max)) prepare_rebalance(group, now);
  }
  consumers_.loaded(now);
  timers_.arm(*expiry_timer_, now.monotonic + config_.offsets_check_interval);
}

void GroupCoordinator::append(std::string_view group_id, std::vector<CoordinatorRecord> records,
                              std::vector<TopicPartition> writes, std::vector<Completion> replies, Outcome outcome) {
  InFlight in_flight;
  in_flight.replies = std::move(replies);
  in_flight.outcome = std::move(outcome);
  in_flight.group_id = group_id;
  for (TopicPartition& partition : writes) {
    offsets_.begin_write(group_id, partition);
    in_flight.writes.emplace_back(in_flight.group_id, std::move(partition));
  }
  const uint64_t id = next_append_id_++;
  in_flight_.emplace(id, std::move(in_flight));
  effects_.appends.push_back({id, std::move(records)});
}

std::vector<CoordinatorRecord> GroupCoordinator::one_record(CoordinatorRecord record) {
  std::vector<CoordinatorRecord> records;
  records.push_back(std::move(record));
  return records;
}

void GroupCoordinator::finish(InFlight& in_flight, ErrorCode error, GroupTime now) {
  if (std::exchange(in_flight.answered, true)) return;
  if (in_flight.outcome) in_flight.outcome(error, now);
  for (Completion& completion : in_flight.replies) {
    if (error != ErrorCode::kNone) set_error(completion.reply, error);
    effects_.completions.push_back(std::move(completion));
  }
}

void GroupCoordinator::committed(uint64_t append_id, std::span<const CoordinatorRecord> records, Offset base,
                                 GroupTime now) {
  auto node = in_flight_.extract(append_id);
  CHECK(node, "append {} is committed twice", append_id);
  int64_t delta = 0;
  for (const CoordinatorRecord& record : records) {
    Result<ParsedRecord> parsed =
        parse_record(record.key, record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
    CHECK(parsed.has_value(), "a record of our own: {}", parsed.error().message);
    replay(*std::move(parsed), base + delta++, kNoProducerId, false);
  }
  for (const auto& [group_id, partition] : node.mapped().writes) offsets_.end_write(group_id, partition);
  finish(node.mapped(), ErrorCode::kNone, now);
}

void GroupCoordinator::failed(uint64_t append_id, ErrorCode error, GroupTime now) {
  auto node = in_flight_.extract(append_id);
  CHECK(node, "append {} fails twice", append_id);
  for (const auto& [group_id, partition] : node.mapped().writes) offsets_.end_write(group_id, partition);
  if (!node.mapped().undo.empty()) revert(append_id, node.mapped(), error, now);
  finish(node.mapped(), error, now);
  forget_if_nothing(node.mapped().group_id);
}

void GroupCoordinator::timed_out(uint64_t append_id, GroupTime now) {
  const auto it = in_flight_.find(append_id);
  if (it != in_flight_.end()) finish(it->second, ErrorCode::kCoordinatorNotAvailable, now);
}

void GroupCoordinator::unload() {
  for (auto& [id, in_flight] : in_flight_) {
    // The outcomes would start rebalances, which are not ours to decide any more; they only answer what is answered
    // below.
    if (std::exchange(in_flight.answered, true)) continue;
    for (Completion& completion : in_flight.replies) {
      set_error(completion.reply, ErrorCode::kNotCoordinator);
      effects_.completions.push_back(std::move(completion));
    }
  }
  effects_.appends.clear();
  for (const std::string& id : group_ids()) {
    ClassicGroup& group = *find(id);
    for (const auto& member : group.members()) {
      fail_join(group, *member, member->id, ErrorCode::kNotCoordinator);
      fail_sync(*member, ErrorCode::kNotCoordinator);
    }
  }
}

bool GroupCoordinator::is_being_written(std::string_view group_id) const {
  return std::ranges::any_of(in_flight_, [&](const auto& entry) { return entry.second.group_id == group_id; });
}

Effects GroupCoordinator::take_effects() { return std::exchange(effects_, {}); }

void GroupCoordinator::on_time(GroupTime now) {
  timers_.expire(now.monotonic);
  for (const GroupTimeout& timeout : std::exchange(expired_, {})) {
    if (timeout.kind >= GroupTimeout::Kind::kConsumerSession) {
      consumer_timed_out(timeout, now);
      continue;
    }
    ClassicGroup* group = find(timeout.group_id);
    if (group == nullptr) continue;
    switch (timeout.kind) {
      case GroupTimeout::Kind::kSession:
        session_expired(*group, timeout.member_id, now);
        break;
      case GroupTimeout::Kind::kPendingMember:
        pending_expired(*group, timeout.member_id, now);
        break;
      case GroupTimeout::Kind::kJoin:
        if (!group->join_timer.armed()) join_timer_expired(*group, now);
        break;
      case GroupTimeout::Kind::kSync:
        if (!group->sync_timer.armed()) sync_expired(*group, now);
        break;
      default:
        break;
    }
  }
  if (std::exchange(expiry_due_, false)) {
    check_expiry(now);
    timers_.arm(*expiry_timer_, now.monotonic + config_.offsets_check_interval);
  }
}

ClassicGroup* GroupCoordinator::find(std::string_view group_id) {
  const auto it = groups_.find(std::string(group_id));
  return it == groups_.end() ? nullptr : it->second.get();
}

const ClassicGroup* GroupCoordinator::find_group(std::string_view group_id) const {
  const auto it = groups_.find(std::string(group_id));
  return it == groups_.end() ? nullptr : it->second.get();
}

ClassicGroup& GroupCoordinator::find_or_create(std::string_view group_id, GroupTime now) {
  auto& group = groups_[std::string(group_id)];
  if (group == nullptr)
    group = std::make_unique<ClassicGroup>(std::string(group_id), expired_, groups_memory_bytes_, now.wall);
  return *group;
}

void GroupCoordinator::erase_group(std::string_view group_id) { groups_.erase(std::string(group_id)); }

std::vector<std::string> GroupCoordinator::group_ids() const {
  std::vector<std::string> ids;
  ids.reserve(groups_.size());
  for (const auto& [id, group] : groups_) ids.push_back(id);
  std::ranges::sort(ids);  // decisions must not depend on the order of a hash table, or a simulation would not repeat
  return ids;
}

}  // namespace weir::broker
