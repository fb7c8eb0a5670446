// ControllerClient: how the shards of a broker reach the active controller. A request goes to it as it came, and is
// answered when its records are committed and this broker has applied them, so that what was created can be used. Any
// shard.
#pragma once

#include <string>
#include <vector>

#include "base/sync.h"
#include "base/task.h"
#include "broker/controller/controller_shell.h"
#include "broker/metadata_applier.h"
#include "broker/server/request_context.h"

namespace weir::broker {

class BrokerShard;
class BrokerConfig;

// A block of producer ids: [first, end).
struct ProducerIdBlock {
  ProducerId first;
  ProducerId end;
};

class ControllerClient {
 public:
  // All outlive the client; shell and applier live on `loop`.
  ControllerClient(const BrokerConfig& config, Loop& loop, ControllerShell& shell, MetadataApplier& applier)
      : config_(config), loop_(loop), shell_(shell), applier_(applier) {}

  // Errors as ControllerShell::submit. `bytes` keeps what the request's views refer to.
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> submit(Request request, int16_t version, Buffer bytes,
                                                         Requester requester) {
    auto reply = co_await shell_.submit(std::move(request), version, std::move(bytes), std::move(requester));
    if (reply) co_await call_on(loop_, [applier = &applier_] { return applier->caught_up(); });
    co_return reply;
  }

  // What this node knows of the metadata quorum.
  Task<quorum::QuorumInfo> describe_quorum() {
    return call_on(loop_, [&shell = shell_]() -> Task<quorum::QuorumInfo> { co_return shell.describe_quorum(); });
  }

  // kUnavailable while there is no controller.
  Task<Result<ProducerIdBlock>> allocate_producer_ids(NodeId broker, BrokerEpoch epoch);

  // Creates topics with the settings of auto-creation (internal ones with theirs), those that do not exist yet. What
  // cannot be created is logged and stays absent. `requester`: whose quota it counts towards.
  Task<void> create_topics_automatically(std::vector<std::string> names, Requester requester);

 private:
  const BrokerConfig& config_;
  Loop& loop_;
  ControllerShell& shell_;
  MetadataApplier& applier_;
};

}  // namespace weir::broker
