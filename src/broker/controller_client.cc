#include "broker/controller_client.h"

#include "base/log.h"
#include "broker/config/broker_config.h"
#include "protocol/error_code.h"

namespace weir::broker {

using protocol::ErrorCode;

Task<Result<ProducerIdBlock>> ControllerClient::allocate_producer_ids(NodeId broker, BrokerEpoch epoch) {
  protocol::AllocateProducerIdsRequest request;
  request.broker_id = broker.value();
  request.broker_epoch = epoch.value();
  CO_TRY_ASSIGN(const auto reply, co_await shell_.submit(request, protocol::AllocateProducerIdsRequest::kMaxVersion));
  if (reply.response.error_code != 0) {
    const auto error = protocol::error_code(reply.response.error_code);
    co_return fail(Errc::kUnavailable, fmt::format("no block of producer ids: {}", protocol::error_name(error)));
  }
  const ProducerId first(reply.response.producer_id_start);
  co_return ProducerIdBlock{.first = first, .end = first + reply.response.producer_id_len};
}

Task<void> ControllerClient::create_topics_automatically(std::vector<std::string> names, Requester requester) {
  protocol::CreateTopicsRequest request;
  const auto internal = config_.internal_topic_settings();
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
