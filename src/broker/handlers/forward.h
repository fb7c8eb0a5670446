// Requests that the controller decides: the handler passes them on and gives back what it answers.
#pragma once

#include "broker/controller_client.h"
#include "broker/server/api_handler.h"
#include "broker/shard.h"

namespace weir::broker {

Requester requester_of(const RequestContext& context);

// Keeps what an answer's views refer to.
template <class Response>
void keep(RequestContext& context, Reply<Response> reply) {
  context.owners.push_back(std::make_shared<const Reply<Response>>(std::move(reply)));
}

// Yields the controller's answer, or the error for one that could not be had; `refuse(ErrorCode)` then fills the
// response.
template <class Request, class Response, class Refuse>
Task<Outcome> forward(RequestContext& context, const Request& request, Response& response, Refuse refuse) {
  ControllerClient& controller = *context.shard.node().controller;
  // Who asks a controller looks for the active one itself.
  auto reply =
      context.connection.apis.is_controllers()
          ? co_await controller.submit_here(request, context.version(), context.frame_owner, requester_of(context))
          : co_await controller.submit(request, context.version(), context.frame_owner, requester_of(context));
  if (reply) {
    response = std::move(reply->response);
    keep(context, std::move(*reply));
  } else {
    refuse(reply.error().code == Errc::kUnavailable ? protocol::ErrorCode::kNotController
                                                    : protocol::ErrorCode::kKafkaStorageError);
  }
  co_return Outcome::kReply;
}

}  // namespace weir::broker
