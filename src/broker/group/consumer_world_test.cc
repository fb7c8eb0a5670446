#include "broker/group/consumer_world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "broker/group/consumer_records.h"

namespace weir::broker {

Beat joining(const std::string& member, std::vector<std::string> topics) {
  return {.member = member, .topics = std::move(topics), .owned = PartitionSets{}, .rebalance_ms = 60'000};
}

size_t count(const PartitionSets& partitions) {
  size_t total = 0;
  for (const auto& [topic, indexes] : partitions) total += indexes.size();
  return total;
}

ReplyToken ConsumerWorld::send(const Beat& beat) {
  protocol::ConsumerGroupHeartbeatRequest request;
  request.group_id = beat.group;
  request.member_id = beat.member;
  request.member_epoch = beat.epoch;
  request.instance_id = beat.instance;
  request.rebalance_timeout_ms = beat.rebalance_ms;
  if (beat.topics) request.subscribed_topic_names.emplace(beat.topics->begin(), beat.topics->end());
  request.subscribed_topic_regex = beat.regex;
  request.server_assignor = beat.assignor;
  if (beat.owned) {
    auto& owned = request.topic_partitions.emplace();
    for (const auto& [topic, partitions] : *beat.owned)
      owned.push_back({topic, {partitions.begin(), partitions.end()}});
  }
  coordinator.consumer_group_heartbeat({beat.version, "client", "/127.0.0.1"}, request, ++next_token_, now);
  take_effects();
  return next_token_;
}

Told ConsumerWorld::told(ReplyToken token) {
  auto answer = of<protocol::ConsumerGroupHeartbeatResponse>(token);
  const auto& message = answer.message;
  Told told{.error = protocol::error_code(message.error_code),
            .message = std::string(message.error_message.value_or("")),
            .member = std::string(message.member_id.value_or("")),
            .epoch = message.member_epoch};
  if (!message.assignment) return told;
  told.assignment.emplace();
  for (const auto& topic : message.assignment->topic_partitions)
    (*told.assignment)[topic.topic_id].insert(topic.partitions.begin(), topic.partitions.end());
  return told;
}

Told ConsumerWorld::step(ConsumerClient& client) {
  Beat next{.group = client.group, .member = client.id, .epoch = client.epoch, .instance = client.instance};
  if (client.epoch == kJoinEpoch) {
    client.owned.clear();
    next.topics = client.topics;
    next.rebalance_ms = 60'000;
  }
  if (client.epoch == kJoinEpoch || client.reported != client.owned) next.owned = client.owned;
  client.reported = client.owned;
  Told answer = beat(next);
  if (answer.error == protocol::ErrorCode::kFencedMemberEpoch ||
      answer.error == protocol::ErrorCode::kUnknownMemberId) {
    client.epoch = kJoinEpoch;
    client.owned.clear();
    client.reported.reset();
  }
  if (answer.error != protocol::ErrorCode::kNone) return answer;
  client.epoch = answer.epoch;
  if (answer.assignment) client.owned = *answer.assignment;
  return answer;
}

void ConsumerWorld::settle(std::vector<ConsumerClient>& clients) {
  for (int quiet = 0; quiet < 2;) {
    bool changed = false;
    for (ConsumerClient& client : clients) {
      const auto before = std::pair(client.epoch, client.owned);
      step(client);
      changed |= before != std::pair(client.epoch, client.owned);
    }
    quiet = changed ? 0 : quiet + 1;
  }
}

std::string consumer_digest(const GroupCoordinator& coordinator) {
  std::string text;
  const auto add = [&text](const ConsumerRecord& record) {
    const CoordinatorRecord bytes = encode_record(record);
    text +=
        fmt::format("{:02x} = {:02x}\n", fmt::join(bytes.key, ""), fmt::join(bytes.value.value_or(ByteVector{}), ""));
  };
  for (const auto& [id, group] : coordinator.consumer_groups().all()) {
    text += id + " " + std::string(group_state_name(group->state())) + "\n";
    add(ConsumerEpochRecord{id, {{group->epoch(), group->metadata_hash()}}});
    add(ConsumerAssignmentRecord{id, {{group->assignment_epoch(), group->assignment_time()}}});
    for (const auto& [member_id, member] : group->members()) {
      add(ConsumerMemberRecord{id, member_id, member->subscription});
      add(ConsumerProgressRecord{id, member_id, member->progress});
    }
    for (const auto& [member_id, target] : group->targets()) add(ConsumerTargetRecord{id, member_id, *target});
    for (const auto& [regex, resolved] : group->regexes()) add(ConsumerRegexRecord{id, regex, *resolved});
  }
  return text;
}

}  // namespace weir::broker
