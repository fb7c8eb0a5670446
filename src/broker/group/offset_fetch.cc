#include "broker/group/offset_fetch.h"

#include "base/check.h"

namespace weir::broker {

using protocol::ErrorCode;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using Group = OffsetFetchResponse::OffsetFetchResponseGroup;

namespace {

constexpr int16_t kGroupsVersion = 8;
constexpr int16_t kTopLevelErrorVersion = 2;

}  // namespace

std::vector<OffsetFetchRequest::OffsetFetchRequestGroup> groups_of(const OffsetFetchRequest& request, int16_t version) {
  if (version >= kGroupsVersion) return request.groups;
  OffsetFetchRequest::OffsetFetchRequestGroup group;
  group.group_id = request.group_id;
  group.topics.reset();
  if (request.topics) {
    group.topics.emplace();
    for (const auto& topic : *request.topics) group.topics->push_back({topic.name, Uuid(), topic.partition_indexes});
  }
  std::vector<OffsetFetchRequest::OffsetFetchRequestGroup> groups;
  groups.push_back(std::move(group));
  return groups;
}

Owned<Group> offset_fetch_error(const OffsetFetchRequest::OffsetFetchRequestGroup& group, int16_t version,
                                ErrorCode error) {
  Owned<Group> answer;
  answer.message.group_id = answer.keep(group.group_id);
  answer.message.error_code = protocol::error_field(error);
  if (version >= kTopLevelErrorVersion || !group.topics) return answer;
  // Version 1 has no place for an error but the partitions.
  for (const auto& asked : *group.topics) {
    auto& topic = answer.message.topics.emplace_back();
    topic.name = answer.keep(asked.name);
    for (const int32_t index : asked.partition_indexes) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = index;
      partition.committed_offset = -1;
      partition.error_code = protocol::error_field(error);
    }
  }
  return answer;
}

Owned<OffsetFetchResponse> offset_fetch_response(std::vector<Owned<Group>> groups, int16_t version) {
  Owned<OffsetFetchResponse> response;
  for (auto& group : groups) {
    response.arena.adopt(std::move(group.arena));
    if (version >= kGroupsVersion) {
      response.message.groups.push_back(std::move(group.message));
      continue;
    }
    CHECK(groups.size() == 1, "{} groups in version {}", groups.size(), version);
    if (version >= kTopLevelErrorVersion) response.message.error_code = group.message.error_code;
    for (const auto& topic : group.message.topics) {
      auto& old_topic = response.message.topics.emplace_back();
      old_topic.name = topic.name;
      for (const auto& p : topic.partitions)
        old_topic.partitions.push_back(
            {p.partition_index, p.committed_offset, p.committed_leader_epoch, p.metadata, p.error_code});
    }
  }
  return response;
}

}  // namespace weir::broker
