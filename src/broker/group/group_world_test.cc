#include "broker/group/group_world.h"

#include <fmt/format.h>

#include "base/check.h"
#include "broker/group/offset_fetch.h"
#include "protocol/messages/consumer_protocol_assignment.h"
#include "protocol/messages/consumer_protocol_subscription.h"
#include "protocol/writer.h"

namespace weir::broker {

using protocol::ErrorCode;

GroupWorld::GroupWorld(GroupConfig settings, uint64_t seed)
    : config(settings), random(seed), coordinator(settings, random, topics) {
  coordinator.loaded(now);
}

ReplyToken GroupWorld::join(const Join& join) {
  protocol::JoinGroupRequest request;
  request.group_id = join.group;
  request.session_timeout_ms = join.session_ms;
  request.rebalance_timeout_ms = join.rebalance_ms;
  request.member_id = join.member;
  request.group_instance_id = join.instance;
  request.protocol_type = join.type;
  for (const auto& p : join.protocols) request.protocols.push_back({p.name, p.metadata});
  coordinator.join_group(context(join.version, join.client), request, ++last_token_, now);
  take_effects();
  return last_token_;
}

ReplyToken GroupWorld::sync(const std::string& group, const Joined& member,
                            std::map<std::string, ByteVector> assignments, std::optional<std::string> instance) {
  protocol::SyncGroupRequest request;
  request.group_id = group;
  request.generation_id = member.generation;
  request.member_id = member.id;
  request.group_instance_id = instance;
  for (const auto& [id, bytes] : assignments) request.assignments.push_back({id, bytes});
  coordinator.sync_group(context(4), request, ++last_token_, now);
  take_effects();
  return last_token_;
}

ErrorCode GroupWorld::heartbeat(const std::string& group, const Joined& member, std::optional<std::string> instance) {
  protocol::HeartbeatRequest request;
  request.group_id = group;
  request.generation_id = member.generation;
  request.member_id = member.id;
  request.group_instance_id = instance;
  coordinator.heartbeat(context(4), request, ++last_token_, now);
  take_effects();
  return protocol::error_code(of<protocol::HeartbeatResponse>(last_token_).message.error_code);
}

ReplyToken GroupWorld::leave(const std::string& group, const std::string& member, std::optional<std::string> instance) {
  protocol::LeaveGroupRequest request;
  request.group_id = group;
  request.members.push_back({member, instance, std::nullopt});
  coordinator.leave_group(context(5), request, ++last_token_, now);
  take_effects();
  return last_token_;
}

ReplyToken GroupWorld::commit(const std::string& group, const Joined& member, const TopicPartition& partition,
                              int64_t offset, const std::string& metadata, int16_t version, int64_t retention_ms) {
  protocol::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = member.generation;
  request.member_id = member.id;
  request.retention_time_ms = retention_ms;
  auto& topic = request.topics.emplace_back();
  topic.name = partition.topic;
  topic.partitions.push_back({partition.partition, offset, 7, metadata});
  coordinator.offset_commit(context(version), request, ++last_token_, now);
  take_effects();
  return last_token_;
}

ErrorCode GroupWorld::commit_error(ReplyToken token) {
  return protocol::error_code(
      of<protocol::OffsetCommitResponse>(token).message.topics.at(0).partitions.at(0).error_code);
}

ReplyToken GroupWorld::remove(const std::string& group) {
  coordinator.delete_group(group, ++last_token_, now);
  take_effects();
  return last_token_;
}

int64_t GroupWorld::fetch(const std::string& group, const TopicPartition& partition) const {
  protocol::OffsetFetchRequest::OffsetFetchRequestGroup asked;
  asked.group_id = group;
  asked.topics->push_back({partition.topic, Uuid(), {partition.partition}});
  return coordinator.offset_fetch(context(9), asked, false).message.topics.at(0).partitions.at(0).committed_offset;
}

std::string GroupWorld::state(const std::string& group) const {
  return std::string(coordinator.describe_group(context(6), group).message.group_state);
}

void GroupWorld::take_effects() {
  Effects effects = coordinator.take_effects();
  for (Append& append : effects.appends) pending.push_back(std::move(append));
  for (Completion& completion : effects.completions) {
    const bool first = replies.emplace(completion.token, std::move(completion.reply)).second;
    CHECK(first, "request {} is answered twice", completion.token);
  }
  if (!hold_appends) commit_all();
}

void GroupWorld::commit_one() {
  CHECK(!pending.empty(), "nothing is to be committed");
  Append append = std::move(pending.front());
  pending.pop_front();
  const Offset base(static_cast<int64_t>(log.size()));
  for (const CoordinatorRecord& record : append.records) log.push_back({static_cast<int64_t>(log.size()), record});
  coordinator.committed(append.id, append.records, base, now);
  take_effects();
}

void GroupWorld::drop_doomed() {
  std::erase_if(pending, [&](const Append& append) {
    const bool doomed = coordinator.is_doomed(append.id);
    if (doomed) coordinator.failed(append.id, ErrorCode::kCoordinatorNotAvailable, now);
    return doomed;
  });
}

void GroupWorld::fail_one(ErrorCode error) {
  CHECK(!pending.empty(), "nothing is to fail");
  const uint64_t id = pending.front().id;
  pending.pop_front();
  coordinator.failed(id, error, now);
  drop_doomed();
  take_effects();
}

void GroupWorld::commit_all() {
  while (!pending.empty()) commit_one();
}

void GroupWorld::advance(milliseconds by) {
  const MonotonicTime end = now.monotonic + by;
  const auto pass_until = [&](MonotonicTime time) {
    now.wall += std::chrono::duration_cast<milliseconds>(time - now.monotonic).count();
    now.monotonic = time;
  };
  while (coordinator.next_deadline() <= end) {
    pass_until(std::max(now.monotonic, coordinator.next_deadline()));
    coordinator.on_time(now);
    take_effects();
  }
  pass_until(end);
}

ReplyToken GroupWorld::join_twice(Join join) {
  auto first = joined(this->join(join));
  CHECK(first.message.error_code == protocol::error_field(ErrorCode::kMemberIdRequired), "{}",
        first.message.error_code);
  join.member = first.message.member_id;
  return this->join(join);
}

std::vector<Joined> GroupWorld::stable_group(const std::string& group, size_t count,
                                             std::vector<GroupProtocol> protocols) {
  std::vector<ReplyToken> tokens;
  for (size_t i = 0; i < count; ++i) tokens.push_back(join_twice({.group = group, .protocols = protocols}));
  while (!answered(tokens.front())) advance(milliseconds(100));
  std::vector<Joined> members;
  std::map<std::string, ByteVector> assignments;
  for (const ReplyToken token : tokens) {
    auto answer = joined(token);
    members.push_back({std::string(answer.message.member_id), answer.message.generation_id});
    assignments[members.back().id] = {static_cast<uint8_t>(members.size() - 1)};
  }
  std::vector<ReplyToken> syncs;
  for (size_t i = 0; i < count; ++i)
    syncs.push_back(sync(group, members[i], i == 0 ? assignments : decltype(assignments){}));
  for (const ReplyToken token : syncs) CHECK(sync_error(token) == ErrorCode::kNone, "no assignment");
  return members;
}

std::unique_ptr<GroupCoordinator> GroupWorld::replayed() const {
  static TestRandom other_random(99);
  auto second = std::make_unique<GroupCoordinator>(config, other_random, topics);
  for (const auto& [offset, record] : log)
    second->on_record(Offset(offset), kNoProducerId, record.key,
                      record.value ? std::optional<ByteView>(*record.value) : std::nullopt);
  CHECK(second->load_status().has_value(), "{}", second->load_status().error().message);
  return second;
}

ByteVector subscription(const std::vector<std::string>& topics) {
  protocol::ConsumerProtocolSubscription message;
  for (const auto& topic : topics) message.topics.push_back(topic);
  protocol::Writer out;
  out.int16(1);
  CHECK(message.encode(out, 1).has_value(), "a subscription");
  return to_vector(out.view());
}

ByteVector assignment(const std::vector<TopicPartition>& partitions) {
  protocol::ConsumerProtocolAssignment message;
  for (const auto& p : partitions) message.assigned_partitions.push_back({p.topic, {p.partition}});
  protocol::Writer out;
  out.int16(1);
  CHECK(message.encode(out, 1).has_value(), "an assignment");
  return to_vector(out.view());
}

namespace {

void add_group(const ClassicGroup& group, std::string& text) {
  text += fmt::format("group {} {} type={} generation={} protocol={} leader={}\n", group.id(),
                      group_state_name(group.state()), group.protocol_type().value_or("-"), group.generation(),
                      group.protocol_name().value_or("-"), group.leader().value_or("-"));
  for (const auto& member : group.members()) {
    text += fmt::format("  member {} instance={} client={}{} timeouts={},{} metadata={} assignment={}\n", member->id,
                        member->instance_id.value_or("-"), member->client_id, member->client_host,
                        member->rebalance_timeout_ms, member->session_timeout_ms,
                        as_text(member->metadata(group.protocol_name().value_or(""))), as_text(member->assignment));
  }
}

}  // namespace

std::string digest(const GroupCoordinator& coordinator) {
  std::string text;
  for (const std::string& id : coordinator.group_ids()) {
    const ClassicGroup& group = *coordinator.find_group(id);
    const bool at_rest = group.state() == GroupState::kEmpty || group.state() == GroupState::kStable;
    // Between generations members are ahead of the log.
    if (at_rest) add_group(group, text);
    const OffsetStore::Topics* topics = coordinator.offsets().find(id);
    if (topics == nullptr) continue;
    for (const auto& [topic, partitions] : *topics) {
      for (const auto& [partition, entry] : partitions) {
        if (!entry.committed) continue;
        const CommittedOffset& o = *entry.committed;
        text += fmt::format("  offset {}-{} {} epoch={} metadata={} at={} expires={} topic={} record={}\n", topic,
                            partition, o.offset.value(), o.leader_epoch.value(), o.metadata, o.commit_time.value(),
                            o.expire_time.value(), o.topic_id.to_string(), o.record_offset.value());
      }
    }
  }
  return text;
}

}  // namespace weir::broker
