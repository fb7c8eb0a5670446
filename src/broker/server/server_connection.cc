#include "broker/server/server_connection.h"

#include <fmt/core.h>

#include "base/log.h"
#include "broker/controller_client.h"
#include "broker/quota/first_stretch.h"
#include "broker/quota_service.h"
#include "broker/shard.h"

namespace weir::broker {
namespace {

// Records of an answer that are few enough to be read and sent with the rest by one call. sendfile saves copies but is
// a call of its own for each partition, which costs more than copying so little.
constexpr size_t kCopiedSizeMax = size_t{32} << 10;

// The records of an answer as one copy, in the order of the splices.
Result<Buffer> copy_records(std::span<const protocol::Splice> splices, std::span<const FileRegion> externals,
                            size_t size) {
  Buffer records = Buffer::allocate(size);
  size_t filled = 0;
  for (const protocol::Splice& splice : splices) {
    const FileRegion& region = externals[splice.index];
    TRY_ASSIGN(const size_t got, region.file->read_at(region.position, {records.data() + filled, region.length}));
    if (got < region.length) return fail(Errc::kClosed, "a file ended before the bytes that were promised of it");
    filled += got;
  }
  return records;
}

// Adds the bytes and the parts of files that make the answer in `out`; nothing on an error.
Result<> assemble(protocol::Writer& out, std::span<const FileRegion> externals, std::vector<OutSegment>& segments) {
  const std::vector<protocol::Splice> splices(out.splices().begin(), out.splices().end());
  const bool is_copied = out.spliced_size() > 0 && out.spliced_size() <= kCopiedSizeMax;
  Buffer records;
  if (is_copied) {
    TRY_ASSIGN(records, copy_records(splices, externals, out.spliced_size()));
  }
  const SharedBytes bytes = out.release();
  segments.reserve(segments.size() + 2 * splices.size() + 1);
  size_t position = 0;
  size_t copied = 0;
  for (const protocol::Splice& splice : splices) {
    if (splice.position > position) {
      segments.emplace_back(SharedBytes{bytes.owner, bytes.bytes.subspan(position, splice.position - position)});
    }
    position = splice.position;
    const FileRegion& region = externals[splice.index];
    if (is_copied) {
      segments.emplace_back(SharedBytes{records, {records.data() + copied, region.length}});
      copied += region.length;
    } else {
      segments.emplace_back(region);
    }
  }
  if (position < bytes.bytes.size()) segments.emplace_back(SharedBytes{bytes.owner, bytes.bytes.subspan(position)});
  return {};
}

}  // namespace

ServerConnection::ServerConnection(BrokerShard& shard, std::unique_ptr<Connection> connection, ConnectionInfo info)
    : shard_(shard),
      connection_(std::move(connection)),
      info_(std::move(info)),
      frames_(*connection_, shard.limits().request_size_max_bytes) {
  shard_.add_connection(*this);
}

ServerConnection::~ServerConnection() { shard_.remove_connection(*this); }

void ServerConnection::close() {
  connection_->close();
  closed_ = true;
  unmuted_.notify_all();
}

Task<void> ServerConnection::unmuted() {
  while (!closed_ && Loop::current().now() < muted_until_) co_await unmuted_.wait_until(muted_until_);
}

Task<void> ServerConnection::run(std::shared_ptr<ServerConnection> self) {
  co_await self->read_requests(self);
  // What is under way ends first: its tasks refer to this connection.
  while (!self->pending_.empty()) co_await self->answered_.wait();
  self->connection_->close();
  const NodeId broker = self->info_.heartbeats_of;
  if (broker != kNoNode) self->shard_.node().controller->suspect(broker);
}

Task<void> ServerConnection::read_requests(std::shared_ptr<ServerConnection> self) {
  for (;;) {
    while (pending_.size() >= kPendingMax) co_await answered_.wait();
    if (Loop::current().now() < muted_until_) co_await unmuted();
    Result<Frame> frame = co_await frames_.next(shard_.limits().connection_idle_max);
    if (!frame) {
      if (frame.error().code == Errc::kCorrupt) {
        log_info("connection", "closed: what it sends is no request", kv("client", info_.client),
                 kv("why", frame.error().message));
      }
      co_return;
    }
    // An overlapping request may have found the client over a limit meanwhile.
    if (Loop::current().now() < muted_until_) co_await unmuted();
    Result<std::unique_ptr<Pending>> parsed = parse(*std::move(frame));
    if (!parsed) {
      log_info("connection", "closed: a request that is not served", kv("client", info_.client),
               kv("why", parsed.error().message));
      co_return;
    }
    while (!pending_.empty() && !(*parsed)->handler->overlaps) co_await answered_.wait();
    Pending& pending = *pending_.emplace_back(*std::move(parsed));
    if (pending.handler->overlaps) {
      Loop::current().spawn(serve(self, pending));
      // It goes first: its bytes are still in the cache, which the next request's would take.
      co_await Yield();
    } else {
      co_await serve(self, pending);
    }
  }
}

Result<std::unique_ptr<ServerConnection::Pending>> ServerConnection::parse(Frame frame) {
  protocol::Reader in(frame.bytes);
  TRY_ASSIGN(protocol::RequestHeader header, protocol::decode_request_header(in));
  const auto key = static_cast<protocol::ApiKey>(header.request_api_key);
  const ApiHandler* handler = info_.apis.find(key);
  const int16_t version = header.request_api_version;
  // ApiVersions answers any version: the client asks in order to learn which ones there are.
  const bool served = handler != nullptr && (key == protocol::ApiKey::kApiVersions ||
                                             (version >= handler->versions.min && version <= handler->versions.max));
  if (!served) return fail(Errc::kUnsupported, fmt::format("API {} version {}", header.request_api_key, version));
  return std::make_unique<Pending>(Pending{.context = {.shard = shard_,
                                                       .connection = info_,
                                                       .header = header,
                                                       .frame_owner = std::move(frame.owner),
                                                       .frame = frame.bytes},
                                           .handler = handler,
                                           .body = in.position(),
                                           .received = Loop::current().now()});
}

Task<void> ServerConnection::serve(std::shared_ptr<ServerConnection> self, Pending& pending) {
  protocol::Reader in(pending.context.frame.subspan(pending.body));
  RequestContext& context = pending.context;
  if (self->shard_.quotas().is_active()) {
    const Clock& clock = self->shard_.node().seams.clock;
    context.is_limited = true;
    context.began = clock.monotonic();
    pending.outcome =
        co_await FirstStretch<Outcome>(pending.handler->serve(context, in, pending.out), clock, context.first_stretch);
  } else {
    pending.outcome = co_await pending.handler->serve(context, in, pending.out);
  }
  pending.done = true;
  if (context.throttle > context.throttle.zero()) {
    // Clients know their throttle time from the answer, which is sent at once; those that go on all the same wait here.
    self->muted_until_ = std::max(self->muted_until_, Loop::current().now() + context.throttle);
    self->shard_.metrics().count_throttle(context.throttled_by, context.throttle);
  }
  co_await self->send_answers();
}

Task<void> ServerConnection::send_answers() {
  // Answers go out in order: whoever finishes while another sends leaves the rest to that one.
  if (sending_) co_return;
  sending_ = true;
  while (!pending_.empty() && pending_.front()->done) {
    // Requests that came together are mostly done together: one call sends their answers, and wakes the client once.
    if (pending_.size() > 1 || frames_.has_unread()) co_await Yield::to_last();
    if (!co_await send_done()) connection_->close();
    answered_.notify_all();
  }
  sending_ = false;
}

Task<Result<>> ServerConnection::send_done() {
  std::vector<OutSegment> segments;
  Result<> assembled;
  while (assembled && !pending_.empty() && pending_.front()->done) {
    const std::unique_ptr<Pending> pending = std::move(pending_.front());
    pending_.pop_front();
    shard_.count_request(pending->handler->key, pending->received);
    if (pending->outcome == Outcome::kClose) assembled = fail(Errc::kClosed, "the handler closes the connection");
    if (pending->outcome == Outcome::kReply) assembled = assemble(pending->out, pending->context.externals, segments);
  }
  if (!segments.empty()) {
    CO_TRY(co_await connection_->write_all(segments, shard_.limits().connection_idle_max));
  }
  co_return assembled;
}

}  // namespace weir::broker
