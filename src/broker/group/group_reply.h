// The answers of a group coordinator on their way out. Plain values.
#pragma once

#include <cstdint>
#include <variant>

#include "broker/group/owned.h"
#include "protocol/error_code.h"
#include "protocol/messages/consumer_group_heartbeat_response.h"
#include "protocol/messages/heartbeat_response.h"
#include "protocol/messages/join_group_response.h"
#include "protocol/messages/leave_group_response.h"
#include "protocol/messages/offset_commit_response.h"
#include "protocol/messages/offset_delete_response.h"
#include "protocol/messages/sync_group_response.h"

namespace weir::broker {

// Names a request that waits for its answer; chosen by whoever calls the coordinator.
using ReplyToken = uint64_t;
inline constexpr ReplyToken kNoReply = 0;

using GroupReply =
    std::variant<Owned<protocol::JoinGroupResponse>, Owned<protocol::SyncGroupResponse>,
                 Owned<protocol::HeartbeatResponse>, Owned<protocol::LeaveGroupResponse>,
                 Owned<protocol::OffsetCommitResponse>, Owned<protocol::OffsetDeleteResponse>,
                 Owned<protocol::ConsumerGroupHeartbeatResponse>, protocol::ErrorCode /* of DeleteGroups */>;

struct Completion {
  ReplyToken token;
  GroupReply reply;
};

}  // namespace weir::broker
