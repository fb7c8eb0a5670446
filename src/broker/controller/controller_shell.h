// ControllerShell: the active controller at work. It takes requests one by one, lets the Controller decide, appends the
// records to the metadata log, and answers when they are committed. Made and destroyed on its loop, with everything in
// it; submit() may be called on any loop.
#pragma once

#include <memory>
#include <utility>

#include "base/loop.h"
#include "base/seams.h"
#include "base/sync.h"
#include "base/task.h"
#include "base/timer.h"
#include "broker/controller/broker_watch.h"
#include "broker/controller/controller.h"
#include "quorum/metadata_loader.h"
#include "quorum/raft_node.h"

namespace weir::broker {

// Who a request comes from, for quotas; no user: the cluster itself.
struct Requester {
  std::string user{};
  std::string client_id{};
  std::string address{"\x7f\0\0\x01", 4};  // of the client: 4 or 16 bytes
};

class ControllerShell : public quorum::LeadershipListener, private Timer {
 public:
  // All outlive the shell. `bootstrap` holds the records of bootstrap.checkpoint.
  ControllerShell(Loop& loop, const Seams& seams, quorum::RaftNode& raft, quorum::MetadataLoader& loader,
                  Controller controller, quorum::MetadataRecords bootstrap);
  ~ControllerShell() override;

  // Any loop. Decides on the controller's loop and yields the answer once the records are committed. `bytes` is the
  // buffer that the request's strings are views of. kUnavailable while this node is not the active controller (the
  // answer is NOT_CONTROLLER), kIo when the metadata log failed.
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> submit(Request request, int16_t api_version, Buffer bytes = {},
                                                         Requester requester = {}) {
    return call_on(loop_, [this, request = std::move(request), api_version, bytes = std::move(bytes),
                           requester = std::move(requester)] { return handle(request, api_version, requester); });
  }

  // The rest: the controller's loop only.
  [[nodiscard]] bool is_active() const { return active_; }
  // A connection of the broker broke: if its process has ended, others lead its partitions at once.
  void suspect(NodeId broker);
  [[nodiscard]] const Controller& controller() const { return controller_; }
  [[nodiscard]] quorum::QuorumInfo describe_quorum() const { return raft_.describe(); }
  void on_leader(LeaderEpoch epoch) override;
  void on_no_longer_leader() override;

 private:
  template <class Request>
  Task<Result<Reply<typename Request::Response>>> handle(const Request& request, int16_t api_version,
                                                         const Requester& requester) {
    CO_TRY(check_active());
    DecideContext context = now(api_version);
    context.user = requester.user;
    context.client_id = requester.client_id;
    auto decision = controller_.decide(request, context);
    CO_TRY_ASSIGN(const Offset last, append(decision, context));
    CO_TRY(co_await raft_.committed(last));
    co_return std::move(decision.reply);
  }

  [[nodiscard]] Result<> check_active() const;
  [[nodiscard]] DecideContext now(int16_t api_version) const;
  // Appends and replays; the offset of the last record, or of the end of the log when there are none. Of a decision
  // that may be divided an error may leave the first part in the log.
  template <class Response>
  Result<Offset> append(const Decision<Response>& decision, const DecideContext& context) {
    const bool is_divided = decision.is_divisible && decision.records.size() > kRecordsPerBatchMax;
    return is_divided ? append_in_batches(decision.records, context) : append_batch(decision.records, context);
  }
  Result<Offset> append_batch(const quorum::MetadataRecords& records, const DecideContext& context);
  Result<Offset> append_in_batches(const quorum::MetadataRecords& records, DecideContext context);
  void broker_ended(NodeId id, BrokerEpoch epoch);
  void rearm();
  void on_expiry() override;

  Loop& loop_;
  const Clock& clock_;
  quorum::RaftNode& raft_;
  quorum::MetadataLoader& loader_;
  Controller controller_;
  quorum::MetadataRecords bootstrap_;
  std::shared_ptr<BrokerWatch> watch_;  // shared with its tasks
  bool active_ = false;
};

}  // namespace weir::broker
