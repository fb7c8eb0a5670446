#include "broker/handlers/envelope.h"

#include "broker/controller_client.h"
#include "broker/principal.h"
#include "broker/shard.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// Behind the size that begins a frame.
constexpr size_t kFrameStart = sizeof(int32_t);

}  // namespace

Task<Outcome> EnvelopeHandler::handle(RequestContext& context, const Request& request,
                                      protocol::EnvelopeResponse& response) {
  // Then the broker looks for the active one, whatever the request is.
  if (!co_await context.shard.node().controller->is_active()) {
    response.error_code = error_field(ErrorCode::kNotController);
    co_return Outcome::kReply;
  }
  auto principal = decode_principal(request.request_principal.value_or(ByteView{}));
  protocol::Reader in(request.request_data);
  const auto header = protocol::decode_request_header(in);
  const ApiHandler* handler =
      header ? controller_apis().find(static_cast<protocol::ApiKey>(header->request_api_key)) : nullptr;
  const bool is_served = handler != nullptr && handler->key != protocol::ApiKey::kEnvelope &&
                         header->request_api_version >= handler->versions.min &&
                         header->request_api_version <= handler->versions.max;
  if (!principal || !is_served) {
    response.error_code =
        error_field(principal ? ErrorCode::kInvalidRequest : ErrorCode::kPrincipalDeserializationFailure);
    co_return Outcome::kReply;
  }
  RequestContext inner{.shard = context.shard,
                       .connection = context.connection,
                       .header = *header,
                       .frame_owner = context.frame_owner,
                       .frame = context.writable(request.request_data)};
  inner.forwarded_user = *std::move(principal);
  protocol::Writer out;
  if (co_await handler->serve(inner, in, out) != Outcome::kReply) co_return Outcome::kClose;
  auto answer = std::make_shared<const SharedBytes>(out.release());
  response.response_data = answer->bytes.subspan(kFrameStart);
  context.owners.push_back(std::move(answer));
  co_return Outcome::kReply;
}

}  // namespace weir::broker
