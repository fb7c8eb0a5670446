// ControllerClient: how a broker reaches the active controller, on this node or on another. What a client asked for
// goes there in an Envelope that says who asked; what this broker itself has to say goes there as it is. While the
// controller changes, both are tried again. On this node the answer comes when the records are committed and this
// broker has applied them, so that what was created can be used. Any shard.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/sync.h"
#include "base/task.h"
#include "broker/controller/controller_shell.h"
#include "broker/metadata_applier.h"
#include "broker/peer_channel.h"
#include "broker/server/request_context.h"

namespace weir::broker {

class BrokerConfig;

// A block of producer ids: [first, end).
struct ProducerIdBlock {
  ProducerId first;
  ProducerId end;
};

class ControllerClient {
 public:
  // All outlive the client and live on `loop`.
  struct Parts {
    const BrokerConfig& config;
    Loop& loop;
    quorum::RaftNode& raft;
    PeerChannel& peers;
    ControllerShell& shell;
    MetadataApplier& applier;
  };
  explicit ControllerClient(Parts parts) : parts_(parts) {}

  // A client's request. `bytes` keeps what its views refer to. kUnavailable when there was no controller in the time
  // that a request may take, kIo when the metadata log failed.
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> submit(Request request, int16_t version, Buffer bytes,
                                                         Requester requester) {
    return call_on(parts_.loop, [this, request = std::move(request), version, bytes = std::move(bytes),
                                 requester = std::move(requester)] { return route(request, version, requester); });
  }
  // The same without another node: for requests that came to the controller's own listener. kUnavailable at once when
  // this node is not the active controller.
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> submit_here(Request request, int16_t version, Buffer bytes,
                                                              Requester requester) {
    return parts_.shell.submit(std::move(request), version, std::move(bytes), std::move(requester));
  }
  // What this broker has to say, in the newest version, until `deadline`. On the first loop only. Errors as submit().
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> tell(Request request, MonotonicTime deadline);
  // A request that only the leader of the quorum can answer, from a node that is not.
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> ask_leader(Request request, int16_t version, Buffer bytes,
                                                             Requester requester) {
    return call_on(parts_.loop,
                   [this, request = std::move(request), version, bytes = std::move(bytes),
                    requester = std::move(requester)]() -> Task<Result<Reply<typename Request::Response>>> {
                     CO_TRY_ASSIGN(std::string answer,
                                   co_await send_enveloped(outgoing(request, version), requester, deadline()));
                     co_return decoded<Request>(std::move(answer), version);
                   });
  }

  // A request of another node of the quorum, for this node's RaftNode.
  template <class Request>
  Task<Reply<typename Request::Response>> ask_raft(Request request, int16_t version, Buffer bytes) {
    return call_on(parts_.loop, [this, request = std::move(request), version, bytes = std::move(bytes)] {
      return parts_.raft.handle(request, version);
    });
  }
  // What this node knows of the metadata quorum.
  Task<quorum::QuorumInfo> describe_quorum();
  // A broker's connection to this controller broke. Any loop.
  void suspect(NodeId broker) {
    parts_.loop.post([&shell = parts_.shell, broker] { shell.suspect(broker); });
  }
  // Whether this node is the active controller.
  Task<bool> is_active();

  // kUnavailable while there is no controller.
  Task<Result<ProducerIdBlock>> allocate_producer_ids(NodeId broker, BrokerEpoch epoch);

  // Creates topics with the settings of auto-creation (internal ones with theirs), those that do not exist yet. What
  // cannot be created is logged and stays absent. `requester`: whose quota it counts towards.
  Task<void> create_topics_automatically(std::vector<std::string> names, Requester requester);

  // What waits for a controller ends with kUnavailable. On the first loop.
  void stop();

 private:
  [[nodiscard]] MonotonicTime deadline() const;
  // False when there is no time left.
  Task<bool> pause(Duration& backoff, MonotonicTime until);
  // A request in an Envelope to the active controller, wherever that is; the answer with its header taken off.
  Task<Result<std::string>> send_enveloped(const protocol::Outgoing& request, const Requester& requester,
                                           MonotonicTime until);
  template <class Request>
  static protocol::Outgoing outgoing(const Request& request, int16_t version) {
    return protocol::outgoing_of(request, version, version);
  }
  template <class Request>
  static Result<Reply<typename Request::Response>> decoded(std::string bytes, int16_t version) {
    Reply<typename Request::Response> reply;
    protocol::Reader in(as_bytes(reply.keep(std::move(bytes))));
    TRY(reply.response.decode(in, version));
    return reply;
  }
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> route(const Request& request, int16_t version,
                                                        const Requester& requester);

  Parts parts_;
  bool stopping_ = false;
  WaitList stopped_;
};

template <class Request>
Task<Result<Reply<typename Request::Response>>> ControllerClient::route(const Request& request, int16_t version,
                                                                        const Requester& requester) {
  if (parts_.shell.is_active()) {
    auto reply = co_await parts_.shell.submit(request, version, {}, requester);
    if (reply) co_await parts_.applier.caught_up();
    // Deposed meanwhile, it may or may not have been carried out: for the client to find out.
    co_return reply;
  }
  CO_TRY_ASSIGN(std::string answer, co_await send_enveloped(outgoing(request, version), requester, deadline()));
  co_return decoded<Request>(std::move(answer), version);
}

template <class Request>
Task<Result<Reply<typename Request::Response>>> ControllerClient::tell(Request request, MonotonicTime until) {
  Duration backoff{};
  do {
    if (parts_.shell.is_active()) {
      auto reply = co_await parts_.shell.submit(request, Request::kMaxStableVersion);
      if (reply || reply.error().code != Errc::kUnavailable) co_return reply;
    } else if (const auto leader = parts_.raft.leader_endpoint()) {
      auto answer = co_await parts_.peers.call(*leader, request, std::min(until, deadline()));
      const bool is_answer =
          answer && protocol::error_code(answer->message.error_code) != protocol::ErrorCode::kNotController;
      if (is_answer) {
        Reply<typename Request::Response> reply;
        reply.response = std::move(answer->message);
        reply.owner = std::move(answer->owner);
        co_return reply;
      }
      if (!answer && answer.error().code == Errc::kUnsupported) co_return std::unexpected(answer.error());
    }
  } while (co_await pause(backoff, until));
  co_return fail(Errc::kUnavailable, "no controller answers");
}

}  // namespace weir::broker
