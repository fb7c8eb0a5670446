#include "broker/group/group_errors.h"

namespace weir::broker {

using protocol::error_field;
using protocol::ErrorCode;

namespace {

// Before this version the name of the protocol cannot be null.
constexpr int16_t kNullProtocolNameVersion = 7;

}  // namespace

Owned<protocol::JoinGroupResponse> error_answer(const protocol::JoinGroupRequest& request, int16_t version,
                                                ErrorCode error) {
  Owned<protocol::JoinGroupResponse> answer;
  answer.message.error_code = error_field(error);
  answer.message.protocol_name.reset();
  fit_to_version(answer.message, version);
  answer.message.member_id = answer.keep(request.member_id);
  return answer;
}

void fit_to_version(protocol::JoinGroupResponse& answer, int16_t version) {
  if (version < kNullProtocolNameVersion && !answer.protocol_name) answer.protocol_name = std::string_view();
}

Owned<protocol::SyncGroupResponse> error_answer(const protocol::SyncGroupRequest&, int16_t, ErrorCode error) {
  Owned<protocol::SyncGroupResponse> answer;
  answer.message.error_code = error_field(error);
  return answer;
}

Owned<protocol::HeartbeatResponse> error_answer(const protocol::HeartbeatRequest&, int16_t, ErrorCode error) {
  Owned<protocol::HeartbeatResponse> answer;
  answer.message.error_code = error_field(error);
  return answer;
}

Owned<protocol::LeaveGroupResponse> error_answer(const protocol::LeaveGroupRequest&, int16_t, ErrorCode error) {
  Owned<protocol::LeaveGroupResponse> answer;
  answer.message.error_code = error_field(error);
  return answer;
}

Owned<protocol::OffsetCommitResponse> error_answer(const protocol::OffsetCommitRequest& request, int16_t,
                                                   ErrorCode error) {
  Owned<protocol::OffsetCommitResponse> answer;
  for (const auto& topic : request.topics) {
    auto& answered = answer.message.topics.emplace_back();
    answered.name = answer.keep(topic.name);
    answered.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions)
      answered.partitions.push_back({partition.partition_index, error_field(error)});
  }
  return answer;
}

Owned<protocol::OffsetDeleteResponse> error_answer(const protocol::OffsetDeleteRequest&, int16_t, ErrorCode error) {
  Owned<protocol::OffsetDeleteResponse> answer;
  answer.message.error_code = error_field(error);
  return answer;
}

Owned<protocol::ConsumerGroupHeartbeatResponse> error_answer(const protocol::ConsumerGroupHeartbeatRequest&, int16_t,
                                                             ErrorCode error) {
  Owned<protocol::ConsumerGroupHeartbeatResponse> answer;
  answer.message.error_code = error_field(error);
  answer.message.error_message = protocol::error_message(error);
  return answer;
}

Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> describe_consumer_error(std::string_view group_id,
                                                                                       ErrorCode error) {
  Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> answer;
  answer.message.group_id = answer.keep(group_id);
  answer.message.error_code = error_field(error);
  return answer;
}

Owned<protocol::DescribeGroupsResponse::DescribedGroup> describe_error(std::string_view group_id, ErrorCode error) {
  Owned<protocol::DescribeGroupsResponse::DescribedGroup> answer;
  answer.message.group_id = answer.keep(group_id);
  answer.message.error_code = error_field(error);
  return answer;
}

namespace {

struct ErrorSetter {
  ErrorCode error;

  // Of members that wait for the rebalance it is decided member by member; these two are never given behind an append.
  void operator()(Owned<protocol::JoinGroupResponse>& answer) const { answer.message.error_code = error_field(error); }
  void operator()(Owned<protocol::SyncGroupResponse>& answer) const { answer.message.error_code = error_field(error); }
  void operator()(Owned<protocol::HeartbeatResponse>& answer) const { answer.message.error_code = error_field(error); }
  void operator()(Owned<protocol::LeaveGroupResponse>& answer) const {
    answer.message.members.clear();
    answer.message.error_code = error_field(error);
  }
  void operator()(Owned<protocol::OffsetCommitResponse>& answer) const {
    for (auto& topic : answer.message.topics) {
      for (auto& partition : topic.partitions) {
        if (partition.error_code == 0) partition.error_code = error_field(error);
      }
    }
  }
  void operator()(Owned<protocol::OffsetDeleteResponse>& answer) const {
    answer.message.topics.clear();
    answer.message.error_code = error_field(error);
  }
  void operator()(Owned<protocol::ConsumerGroupHeartbeatResponse>& answer) const {
    answer = {};
    answer.message.error_code = error_field(error);
    answer.message.error_message = protocol::error_message(error);
  }
  void operator()(ErrorCode& answer) const { answer = error; }
};

}  // namespace

void set_error(GroupReply& reply, ErrorCode error) { std::visit(ErrorSetter{error}, reply); }

ErrorCode append_error(Errc code) {
  switch (code) {
    case Errc::kUnavailable:
    case Errc::kClosed:
    case Errc::kIo:
      return ErrorCode::kNotCoordinator;
    case Errc::kTooLarge:
      return ErrorCode::kUnknownServerError;  // as Kafka: no error that a client knows fits
    default:
      return ErrorCode::kCoordinatorNotAvailable;
  }
}

}  // namespace weir::broker
