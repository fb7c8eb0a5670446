#include "broker/controller/controller_shell.h"

#include "base/log.h"

namespace weir::broker {
namespace {
// After a failed append: the disk may have room again.
constexpr Duration kRetryInterval = seconds(1);
}  // namespace

ControllerShell::ControllerShell(Loop& loop, const Seams& seams, quorum::RaftNode& raft, quorum::MetadataLoader& loader,
                                 Controller controller, quorum::MetadataRecords bootstrap)
    : loop_(loop),
      clock_(seams.clock),
      raft_(raft),
      loader_(loader),
      controller_(std::move(controller)),
      bootstrap_(std::move(bootstrap)),
      watch_(std::make_shared<BrokerWatch>(loop, seams.network,
                                           [this](NodeId id, BrokerEpoch epoch) { broker_ended(id, epoch); })) {}

ControllerShell::~ControllerShell() { watch_->stop(); }

Result<> ControllerShell::check_active() const {
  if (!active_) return fail(Errc::kUnavailable, "this node is not the active controller");
  return {};
}

DecideContext ControllerShell::now(int16_t api_version) const {
  return {loop_.now(), clock_.wall(), raft_.end_offset(), api_version};
}

Result<Offset> ControllerShell::append_batch(const quorum::MetadataRecords& records, const DecideContext& context) {
  TRY_ASSIGN(const Offset last, raft_.append(records));
  controller_.replay(records, context);
  rearm();
  return last;
}

Result<Offset> ControllerShell::append_in_batches(const quorum::MetadataRecords& records, DecideContext context) {
  Offset last = context.next_offset - 1;
  for (size_t from = 0; from < records.size(); from += kRecordsPerBatchMax) {
    TRY_ASSIGN(last, append_batch(records.part(from, kRecordsPerBatchMax), context));
    context.next_offset = last + 1;
  }
  return last;
}

void ControllerShell::on_leader(LeaderEpoch epoch) {
  const DecideContext context = now(0);
  const auto decision = controller_.activate(*loader_.image(), loader_.transaction_is_open(), bootstrap_, context);
  active_ = true;
  if (auto appended = append(decision, context); !appended) {
    log_error("controller", "cannot begin an epoch", kv("epoch", epoch), kv("error", appended.error().message));
    active_ = false;
    return;
  }
  // Those that ended with the controller before, or while there was none.
  for (const auto& [id, broker] : controller_.image().brokers) suspect(id);
}

void ControllerShell::on_no_longer_leader() {
  active_ = false;
  cancel();
}

void ControllerShell::suspect(NodeId broker) {
  if (!active_) return;
  controller_.connection_lost(broker);
  if (const quorum::BrokerImage* found = controller_.image().broker(broker)) BrokerWatch::look(watch_, *found);
}

void ControllerShell::broker_ended(NodeId id, BrokerEpoch epoch) {
  if (!active_) return;
  const DecideContext context = now(0);
  const auto decision = controller_.broker_ended(id, epoch);
  if (auto appended = append(decision, context); !appended) {
    log_warn("controller", "cannot write to the metadata log", kv("error", appended.error().message));
  }
}

void ControllerShell::rearm() { loop_.timers().arm(*this, std::max(controller_.next_tick(), loop_.now())); }

void ControllerShell::on_expiry() {
  const DecideContext context = now(0);
  const auto decision = controller_.tick(context);
  if (auto appended = append(decision, context); !appended) {
    log_warn("controller", "cannot write to the metadata log", kv("error", appended.error().message));
    loop_.timers().arm(*this, loop_.now() + kRetryInterval);
  }
}

}  // namespace weir::broker
