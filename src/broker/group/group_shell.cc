#include "broker/group/group_shell.h"

#include "base/check.h"
#include "base/log.h"
#include "broker/group/group_errors.h"
#include "broker/group/offset_fetch.h"

namespace weir::broker {

using protocol::ErrorCode;

class GroupShell::Waiter {
 public:
  explicit Waiter(GroupShell& shell) : shell_(shell), token_(shell.next_token_++) {
    shell_.waiters_.emplace(token_, this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { shell_.waiters_.erase(token_); }

  [[nodiscard]] ReplyToken token() const { return token_; }
  [[nodiscard]] bool answered() const { return reply_.has_value(); }
  Wait wait() { return done_.wait(); }
  void answer(GroupReply reply) {
    CHECK(!reply_, "request {} is answered twice", token_);
    reply_ = std::move(reply);
    done_.notify_all();
  }
  GroupReply take() { return *std::move(reply_); }

 private:
  GroupShell& shell_;
  ReplyToken token_;
  std::optional<GroupReply> reply_;
  WaitList done_;
};

class GroupShell::DeadlineTimer final : public Timer {
 public:
  explicit DeadlineTimer(GroupShell& shell) : shell_(shell) {}

 private:
  void on_expiry() override { shell_.on_deadline(); }
  GroupShell& shell_;
};

class GroupShell::Batch final : private Timer {
 public:
  // Takes as many of the decided appends as a batch surely holds, and at least one.
  explicit Batch(GroupShell& shell) : shell_(shell) {
    size_t size = 0;
    while (!shell.appends_.empty()) {
      Append& next = shell.appends_.front();
      size_t next_size = 0;
      for (const CoordinatorRecord& record : next.records) next_size += record.size();
      if (!parts_.empty() && size + next_size > shell.log_.batch_size_max()) break;
      size += next_size;
      parts_.emplace_back(next.id, next.records.size());
      std::ranges::move(next.records, std::back_inserter(records_));
      shell.appends_.pop_front();
    }
    shell.loop_.timers().arm(*this, shell.loop_.now() + shell.config_.commit_timeout);
  }

  [[nodiscard]] std::span<const CoordinatorRecord> records() const { return records_; }
  void conclude(const Result<Offset>& base) {
    cancel();
    size_t first = 0;
    for (const auto& [id, count] : parts_) {
      if (base) {
        const auto records = std::span(records_).subspan(first, count);
        shell_.coordinator_->committed(id, records, *base + static_cast<int64_t>(first), shell_.time());
      } else {
        shell_.coordinator_->failed(id, append_error(base.error().code), shell_.time());
      }
      first += count;
    }
    shell_.appends_done_ += parts_.size();
    shell_.progress_.notify_all();
    shell_.act();
  }

 private:
  void on_expiry() override {
    if (shell_.state_ != State::kActive) return;
    for (const auto& [id, count] : parts_) shell_.coordinator_->timed_out(id, shell_.time());
    shell_.act();
  }

  GroupShell& shell_;
  std::vector<CoordinatorRecord> records_;
  std::vector<std::pair<uint64_t, size_t>> parts_;  // ids of appends, and how many records each has
};

// While it lives the log is being written to. It belongs to the task that writes, so that it ends with it also when the
// loop is cleared in the middle of an append, or before the task has begun.
class GroupShell::Writing {
 public:
  explicit Writing(GroupShell& shell) : shell_(&shell) { shell.writing_ = true; }
  Writing(Writing&& other) noexcept : shell_(std::exchange(other.shell_, nullptr)) {}
  Writing& operator=(Writing&&) = delete;
  ~Writing() {
    if (shell_ == nullptr) return;
    shell_->writing_ = false;
    shell_->progress_.notify_all();
  }

 private:
  GroupShell* shell_;
};

GroupShell::GroupShell(Loop& loop, Clock& clock, Random& random, const TopicCatalog& topics, GroupLog& log,
                       GroupConfig config)
    : loop_(loop),
      clock_(clock),
      random_(random),
      topics_(topics),
      log_(log),
      config_(config),
      coordinator_(std::make_unique<GroupCoordinator>(config, random, topics)),
      timer_(std::make_unique<DeadlineTimer>(*this)) {}

GroupShell::~GroupShell() { CHECK(!writing_ && waiters_.empty(), "a group coordinator is destroyed in use"); }

Task<Result<void>> GroupShell::load() {
  CHECK(state_ != State::kActive, "a group coordinator is loaded twice");
  coordinator_ = std::make_unique<GroupCoordinator>(config_, random_, topics_);
  CO_TRY(co_await log_.read_all(*coordinator_));
  if (state_ == State::kShutDown) co_return fail(Errc::kClosed, "the coordinator was shut down while it was loading");
  CO_TRY(coordinator_->load_status());
  state_ = State::kActive;
  coordinator_->loaded(time());
  coordinator_->partitions_deleted(std::exchange(deleted_while_loading_, {}), time());
  if (!coordinator_->group_ids().empty()) {
    log_info("group", "loaded the groups of a partition", kv("groups", coordinator_->group_ids().size()),
             kv("offsets", coordinator_->offsets().size()));
  }
  act();
  co_return Result<void>();
}

Task<void> GroupShell::shut_down() {
  timer_->cancel();
  appends_.clear();
  if (std::exchange(state_, State::kShutDown) == State::kActive) {
    coordinator_->unload();
    deliver(coordinator_->take_effects().completions);
  }
  progress_.notify_all();
  while (writing_) co_await progress_.wait();
}

ErrorCode GroupShell::refusal() const {
  switch (state_) {
    case State::kLoading:
      return ErrorCode::kCoordinatorLoadInProgress;
    case State::kActive:
      return ErrorCode::kNone;
    case State::kShutDown:
      break;
  }
  return ErrorCode::kNotCoordinator;
}

void GroupShell::deliver(std::vector<Completion> completions) {
  for (Completion& completion : completions) {
    // The connection may have gone, and the request with it.
    const auto it = waiters_.find(completion.token);
    if (it != waiters_.end()) it->second->answer(std::move(completion.reply));
  }
}

void GroupShell::act() {
  Effects effects = coordinator_->take_effects();
  appends_decided_ += effects.appends.size();
  std::ranges::move(effects.appends, std::back_inserter(appends_));
  deliver(std::move(effects.completions));
  const MonotonicTime deadline = coordinator_->next_deadline();
  if (deadline == kNever) {
    timer_->cancel();
  } else if (!timer_->armed() || timer_->deadline() != deadline) {
    loop_.timers().arm(*timer_, deadline);
  }
  if (!appends_.empty() && !writing_) loop_.spawn(write_appends(Writing(*this)));
}

void GroupShell::on_deadline() {
  coordinator_->on_time(time());
  act();
}

Task<void> GroupShell::write_appends([[maybe_unused]] Writing writing) {
  while (state_ == State::kActive) {
    drop_doomed_appends();
    if (appends_.empty()) break;
    Batch batch(*this);
    const Result<Offset> base = co_await log_.append(batch.records());
    if (state_ != State::kActive) break;
    if (!base) log_warn("group", "could not write", kv("error", base.error().message));
    batch.conclude(base);
  }
}

void GroupShell::drop_doomed_appends() {
  const size_t before = appends_.size();
  std::erase_if(appends_, [&](const Append& append) {
    if (!coordinator_->is_doomed(append.id)) return false;
    coordinator_->failed(append.id, ErrorCode::kCoordinatorNotAvailable, time());
    return true;
  });
  if (appends_.size() == before) return;
  appends_done_ += before - appends_.size();
  progress_.notify_all();
}

Task<GroupReply> GroupShell::await_reply(Waiter& waiter) {
  act();
  while (!waiter.answered()) co_await waiter.wait();
  co_return waiter.take();
}

template <class Request>
Task<Owned<typename Request::Response>> GroupShell::decide(GroupRequestContext context, const Request& request,
                                                           Decision<Request> decision) {
  if (const ErrorCode refused = refusal(); refused != ErrorCode::kNone)
    co_return error_answer(request, context.api_version, refused);
  Waiter waiter(*this);
  ((*coordinator_).*decision)(context, request, waiter.token(), time());
  GroupReply reply = co_await await_reply(waiter);
  co_return std::get<Owned<typename Request::Response>>(std::move(reply));
}

Task<Owned<protocol::JoinGroupResponse>> GroupShell::join_group(GroupRequestContext context,
                                                                const protocol::JoinGroupRequest& request) {
  Owned<protocol::JoinGroupResponse> answer = co_await decide(context, request, &GroupCoordinator::join_group);
  fit_to_version(answer.message, context.api_version);
  co_return std::move(answer);
}

Task<Owned<protocol::SyncGroupResponse>> GroupShell::sync_group(GroupRequestContext context,
                                                                const protocol::SyncGroupRequest& request) {
  return decide(context, request, &GroupCoordinator::sync_group);
}

Task<Owned<protocol::HeartbeatResponse>> GroupShell::heartbeat(GroupRequestContext context,
                                                               const protocol::HeartbeatRequest& request) {
  // Members keep quiet while their coordinator loads, instead of looking for another; their sessions begin when it has.
  if (state_ == State::kLoading) co_return Owned<protocol::HeartbeatResponse>();
  co_return co_await decide(context, request, &GroupCoordinator::heartbeat);
}

Task<Owned<protocol::LeaveGroupResponse>> GroupShell::leave_group(GroupRequestContext context,
                                                                  const protocol::LeaveGroupRequest& request) {
  return decide(context, request, &GroupCoordinator::leave_group);
}

Task<Owned<protocol::ConsumerGroupHeartbeatResponse>> GroupShell::consumer_group_heartbeat(
    GroupRequestContext context, const protocol::ConsumerGroupHeartbeatRequest& request) {
  return decide(context, request, &GroupCoordinator::consumer_group_heartbeat);
}

Task<Owned<protocol::OffsetCommitResponse>> GroupShell::offset_commit(GroupRequestContext context,
                                                                      const protocol::OffsetCommitRequest& request) {
  return decide(context, request, &GroupCoordinator::offset_commit);
}

Task<Owned<protocol::OffsetDeleteResponse>> GroupShell::offset_delete(GroupRequestContext context,
                                                                      const protocol::OffsetDeleteRequest& request) {
  return decide(context, request, &GroupCoordinator::offset_delete);
}

Task<ErrorCode> GroupShell::delete_group(std::string_view group_id) {
  if (const ErrorCode refused = refusal(); refused != ErrorCode::kNone) co_return refused;
  Waiter waiter(*this);
  coordinator_->delete_group(group_id, waiter.token(), time());
  GroupReply reply = co_await await_reply(waiter);
  co_return std::get<ErrorCode>(reply);
}

Task<Owned<protocol::OffsetFetchResponse::OffsetFetchResponseGroup>> GroupShell::offset_fetch(
    GroupRequestContext context, const protocol::OffsetFetchRequest::OffsetFetchRequestGroup& group,
    bool require_stable) {
  if (require_stable && state_ == State::kActive && coordinator_->offsets().has_writes(group.group_id)) {
    const uint64_t decided = appends_decided_;
    while (state_ == State::kActive && appends_done_ < decided) co_await progress_.wait();
  }
  if (const ErrorCode refused = refusal(); refused != ErrorCode::kNone)
    co_return offset_fetch_error(group, context.api_version, refused);
  co_return coordinator_->offset_fetch(context, group, require_stable);
}

Owned<protocol::DescribeGroupsResponse::DescribedGroup> GroupShell::describe_group(GroupRequestContext context,
                                                                                   std::string_view group_id) {
  if (const ErrorCode refused = refusal(); refused != ErrorCode::kNone) return describe_error(group_id, refused);
  return coordinator_->describe_group(context, group_id);
}

Owned<protocol::ConsumerGroupDescribeResponse::DescribedGroup> GroupShell::describe_consumer_group(
    std::string_view group_id) {
  if (const ErrorCode refused = refusal(); refused != ErrorCode::kNone)
    return describe_consumer_error(group_id, refused);
  return coordinator_->describe_consumer_group(group_id);
}

Owned<protocol::ListGroupsResponse> GroupShell::list_groups(const protocol::ListGroupsRequest& request) {
  if (state_ == State::kActive) return coordinator_->list_groups(request);
  Owned<protocol::ListGroupsResponse> answer;
  answer.message.error_code = protocol::error_field(refusal());
  return answer;
}

void GroupShell::on_partitions_deleted(std::span<const TopicPartition> partitions) {
  if (state_ == State::kLoading)
    deleted_while_loading_.insert(deleted_while_loading_.end(), partitions.begin(), partitions.end());
  if (state_ != State::kActive) return;
  coordinator_->partitions_deleted(partitions, time());
  act();
}

// While it loads this would be lost, but groups that were loaded look at their topics with the first heartbeat anyway.
void GroupShell::on_topics_changed(std::span<const std::string> names, bool any_new) {
  if (state_ == State::kActive) coordinator_->topics_changed(names, any_new);
}

}  // namespace weir::broker
