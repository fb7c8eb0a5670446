// DeleteTopics: by name or by id.
#include <fmt/format.h>

#include <map>

#include "broker/controller/controller.h"
#include "broker/controller/topic_creation.h"

namespace weir::broker {
namespace {

using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;
using protocol::ErrorCode;
using State = DeleteTopicsRequest::DeleteTopicState;
using Deleted = DeleteTopicsResponse::DeletableTopicResult;

// From this version on clients know THROTTLING_QUOTA_EXCEEDED.
constexpr int16_t kFirstStrictVersion = 5;

// Versions up to 5 name topics in a list of their own.
std::vector<State> wanted_topics(const DeleteTopicsRequest& request) {
  std::vector<State> wanted = request.topics;
  for (std::string_view name : request.topic_names) wanted.push_back({name, Uuid{}});
  return wanted;
}

class TopicDeleter {
 public:
  TopicDeleter(const quorum::MetadataImage& image, MutationPermit& permit, Decision<DeleteTopicsResponse>& decision)
      : image_(image), permit_(permit), decision_(decision) {}

  void count(const State& state) {
    if (state.name) {
      ++names_[*state.name];
    } else {
      ++ids_[state.topic_id];
    }
  }

  void remove(const State& state) {
    if (state.name && !state.topic_id.is_zero()) {
      return refuse(state, ErrorCode::kInvalidRequest, "You may not specify both topic name and topic id.");
    }
    if (!state.name && state.topic_id.is_zero()) {
      return refuse(state, ErrorCode::kInvalidRequest, "Neither topic name nor id were specified.");
    }
    int& count = state.name ? names_[*state.name] : ids_[state.topic_id];
    if (count != 1) {
      // One answer for all of them.
      if (count > 1)
        refuse(state, ErrorCode::kInvalidRequest, state.name ? "Duplicate topic name." : "Duplicate topic id.");
      count = 0;
      return;
    }
    const auto topic = state.name ? image_.topic(*state.name) : image_.topic(state.topic_id);
    if (topic == nullptr && state.name) {
      return refuse(state, ErrorCode::kUnknownTopicOrPartition, error_message(ErrorCode::kUnknownTopicOrPartition));
    }
    if (topic == nullptr) return refuse(state, ErrorCode::kUnknownTopicId, error_message(ErrorCode::kUnknownTopicId));
    // Named and given by its id in one request: once is enough.
    if (!removed_.insert(topic->id).second) {
      return refuse(state, ErrorCode::kInvalidRequest,
                    "The provided topic name maps to an ID that was already supplied.");
    }
    if (!permit_.take(topic->partitions.size())) {
      const ApiError error = quota_exceeded();
      return refuse(state, error.code, error.message);
    }
    decision_.records.add(protocol::RemoveTopicRecord{.topic_id = topic->id});
    Deleted& result = decision_.reply.response.responses.emplace_back();
    result.name = decision_.reply.keep(topic->name);
    result.topic_id = topic->id;
  }

 private:
  void refuse(const State& state, ErrorCode code, std::string_view why) {
    Deleted& result = decision_.reply.response.responses.emplace_back();
    result.name.reset();
    if (state.name) result.name = decision_.reply.keep(*state.name);
    result.topic_id = state.topic_id;
    result.error_code = protocol::error_field(code);
    result.error_message = decision_.reply.keep(why);
  }

  const quorum::MetadataImage& image_;
  MutationPermit& permit_;
  Decision<DeleteTopicsResponse>& decision_;
  std::map<std::string_view, int> names_;
  std::map<Uuid, int> ids_;
  std::set<Uuid> removed_;
};

}  // namespace

Decision<DeleteTopicsResponse> Controller::decide(const DeleteTopicsRequest& request, const DecideContext& context) {
  auto decision = no_change<DeleteTopicsResponse>();
  const auto wanted = wanted_topics(request);
  if (!options_.delete_topic_enable) {
    // Clients from before that error know it as a bad request.
    const auto code = context.api_version < 3 ? ErrorCode::kInvalidRequest : ErrorCode::kTopicDeletionDisabled;
    for (const State& state : wanted) {
      Deleted& result = decision.reply.response.responses.emplace_back();
      result.name.reset();
      if (state.name) result.name = decision.reply.keep(*state.name);
      result.topic_id = state.topic_id;
      result.error_code = protocol::error_field(code);
    }
    return decision;
  }
  MutationPermit permit = mutation_permit(context, kFirstStrictVersion);
  TopicDeleter deleter(image_, permit, decision);
  for (const State& state : wanted) deleter.count(state);
  for (const State& state : wanted) deleter.remove(state);
  decision.reply.response.throttle_time_ms = static_cast<int32_t>(permit.throttle().count());
  return decision;
}

}  // namespace weir::broker
