// Requests that the controller decides: the handler passes them on and gives back what it answers.
#pragma once

#include "broker/controller_client.h"
#include "broker/server/api_handler.h"
#include "broker/shard.h"

namespace weir::broker {

inline Requester requester_of(const RequestContext& context) {
  return {.user = std::string(context.user()), .client_id = std::string(context.client_id())};
}

// Yields the controller's answer, or the error for one that could not be had; `refuse(ErrorCode)` then fills the
// response.
template <class Request, class Response, class Refuse>
Task<Outcome> forward(RequestContext& context, const Request& request, Response& response, Refuse refuse) {
  auto reply = co_await context.shard.node().controller->submit(request, context.version(), context.frame_owner,
                                                                requester_of(context));
  if (reply) {
    response = std::move(reply->response);
    context.owners.push_back(std::make_shared<const std::deque<std::string>>(std::move(reply->texts)));
  } else {
    refuse(reply.error().code == Errc::kUnavailable ? protocol::ErrorCode::kNotController
                                                    : protocol::ErrorCode::kKafkaStorageError);
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
