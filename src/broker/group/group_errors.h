// Answers of the group APIs that say nothing but an error, in the form that each version has for it. The coordinator
// uses them, and so do handlers where this broker has no coordinator for the group. Stateless; any thread.
#pragma once

#include "base/result.h"
#include "broker/group/group_reply.h"
#include "protocol/messages/consumer_group_describe_response.h"
#include "protocol/messages/consumer_group_heartbeat_request.h"
#include "protocol/messages/describe_groups_response.h"
#include "protocol/messages/heartbeat_request.h"
#include "protocol/messages/join_group_request.h"
#include "protocol/messages/leave_group_request.h"
#include "protocol/messages/offset_commit_request.h"
#include "protocol/messages/offset_delete_request.h"
#include "protocol/messages/sync_group_request.h"

namespace weir::broker {

Owned<protocol::JoinGroupResponse> error_answer(const protocol::JoinGroupRequest& request, int16_t version,
                                                protocol::ErrorCode error);
Owned<protocol::SyncGroupResponse> error_answer(const protocol::SyncGroupRequest& request, int16_t version,
                                                protocol::ErrorCode error);
Owned<protocol::HeartbeatResponse> error_answer(const protocol::HeartbeatRequest& request, int16_t version,
                                                protocol::ErrorCode error);
Owned<protocol::LeaveGroupResponse> error_answer(const protocol::LeaveGroupRequest& request, int16_t version,
                                                 protocol::ErrorCode error);
Owned<protocol::OffsetCommitResponse> error_answer(const protocol::OffsetCommitRequest& request, int16_t version,
                                                   protocol::ErrorCode error);
Owned<protocol::OffsetDeleteResponse> error_answer(const protocol::OffsetDeleteRequest& request, int16_t version,
                                                   protocol::ErrorCode error);
Owned<protocol::ConsumerGroupHeartbeatResponse> error_answer(const protocol::ConsumerGroupHeartbeatRequest& request,
                                                             int16_t version, protocol::ErrorCode error);
Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> describe_consumer_error(std::string_view group_id,
                                                                                       protocol::ErrorCode error);
Owned<protocol::DescribeGroupsResponse::DescribedGroup> describe_error(std::string_view group_id,
                                                                       protocol::ErrorCode error);

// What a version cannot say, in the way it has for it: a protocol without name is null, and "" before version 7.
void fit_to_version(protocol::JoinGroupResponse& answer, int16_t version);
// Turns an answer that was to be given after an append into that of its failure.
void set_error(GroupReply& reply, protocol::ErrorCode error);
// What clients are told when the log refused the records of a coordinator (see GroupLog::append).
protocol::ErrorCode append_error(Errc code);

}  // namespace weir::broker
