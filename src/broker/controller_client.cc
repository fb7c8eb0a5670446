#include "broker/controller_client.h"

#include <algorithm>

#include "base/log.h"
#include "broker/config/broker_config.h"
#include "broker/principal.h"
#include "protocol/error_code.h"
#include "protocol/frame.h"
#include "protocol/messages/envelope_request.h"
#include "protocol/messages/envelope_response.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// How long a request waits for a controller: as long as clients wait for it (request.timeout.ms of most).
constexpr Duration kPatience = seconds(30);
constexpr Duration kFirstBackoff = milliseconds(10);
constexpr Duration kLastBackoff = milliseconds(500);
// Where the only frame of a writer begins: behind its size.
constexpr size_t kFrameStart = sizeof(int32_t);
// Of a forwarded request, whose answer is not one of many.
constexpr int32_t kCorrelationId = 0;

}  // namespace

MonotonicTime ControllerClient::deadline() const { return parts_.loop.now() + kPatience; }

Task<bool> ControllerClient::pause(Duration& backoff, MonotonicTime until) {
  backoff = backoff == Duration::zero() ? kFirstBackoff : std::min(2 * backoff, kLastBackoff);
  const MonotonicTime end = std::min(until, parts_.loop.now() + backoff);
  while (!stopping_ && parts_.loop.now() < end) co_await stopped_.wait_until(end);
  co_return !stopping_ && parts_.loop.now() < until;
}

void ControllerClient::stop() {
  stopping_ = true;
  stopped_.notify_all();
}

Task<quorum::QuorumInfo> ControllerClient::describe_quorum() {
  return call_on(parts_.loop, [&raft = parts_.raft]() -> Task<quorum::QuorumInfo> { co_return raft.describe(); });
}

Task<bool> ControllerClient::is_active() {
  return call_on(parts_.loop, [&shell = parts_.shell]() -> Task<bool> { co_return shell.is_active(); });
}

Task<Result<std::string>> ControllerClient::send_enveloped(const protocol::Outgoing& request,
                                                           const Requester& requester, MonotonicTime until) {
  const int16_t version = request.version_max;
  protocol::Writer frame;
  protocol::begin_request(frame, request.key, version, kCorrelationId, requester.client_id);
  CO_TRY(request.encode(frame, version));
  frame.end_frame(kFrameStart);
  const SharedBytes bytes = frame.release();
  const std::string principal = encode_principal(requester.user);
  protocol::EnvelopeRequest envelope;
  envelope.request_data = bytes.bytes.subspan(kFrameStart);
  envelope.request_principal = as_bytes(principal);
  envelope.client_host_address = as_bytes(requester.address);
  Duration backoff{};
  do {
    // Of a node that has become the controller itself meanwhile the client asks again.
    if (parts_.shell.is_active()) break;
    const auto leader = parts_.raft.leader_endpoint();
    if (!leader) continue;
    const auto answer = co_await parts_.peers.call(*leader, envelope, until);
    if (!answer || protocol::error_code(answer->message.error_code) == ErrorCode::kNotController) continue;
    if (answer->message.error_code != 0 || !answer->message.response_data) {
      co_return fail(Errc::kIo, "the controller refuses a forwarded request");
    }
    protocol::Reader in(*answer->message.response_data);
    CO_TRY(protocol::decode_response_header(in, request.key, version));
    const ByteView body = answer->message.response_data->subspan(in.position());
    co_return std::string(reinterpret_cast<const char*>(body.data()), body.size());
  } while (co_await pause(backoff, until));
  co_return fail(Errc::kUnavailable, "no controller answers");
}

Task<Result<ProducerIdBlock>> ControllerClient::allocate_producer_ids(NodeId broker, BrokerEpoch epoch) {
  protocol::AllocateProducerIdsRequest request;
  request.broker_id = broker.value();
  request.broker_epoch = epoch.value();
  CO_TRY_ASSIGN(const auto reply, co_await call_on(parts_.loop, [this, request] { return tell(request, deadline()); }));
  if (reply.response.error_code != 0) {
    const auto error = protocol::error_code(reply.response.error_code);
    co_return fail(Errc::kUnavailable, fmt::format("no block of producer ids: {}", protocol::error_name(error)));
  }
  const ProducerId first(reply.response.producer_id_start);
  co_return ProducerIdBlock{.first = first, .end = first + reply.response.producer_id_len};
}

Task<void> ControllerClient::create_topics_automatically(std::vector<std::string> names, Requester requester) {
  protocol::CreateTopicsRequest request;
  const auto internal = parts_.config.internal_topic_settings();
  for (const std::string& name : names) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    const auto found = internal.find(name);
    if (found == internal.end()) continue;
    topic.num_partitions = found->second.partitions;
    topic.replication_factor = found->second.replication_factor;
    for (const auto& [key, value] : found->second.configs) topic.configs.push_back({key, value});
  }
  const auto reply =
      co_await submit(std::move(request), protocol::CreateTopicsRequest::kMaxVersion, {}, std::move(requester));
  if (!reply) {
    log_warn("topic", "cannot be created", kv("why", reply.error().message));
    co_return;
  }
  for (const auto& topic : reply->response.topics) {
    // Another request may have been faster.
    const auto error = protocol::error_code(topic.error_code);
    if (error == ErrorCode::kNone || error == ErrorCode::kTopicAlreadyExists) continue;
    log_warn("topic", "cannot be created", kv("topic", topic.name), kv("error", protocol::error_name(error)),
             kv("why", topic.error_message.value_or("")));
  }
}

}  // namespace weir::broker
