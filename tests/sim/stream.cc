#include "sim/stream.h"

#include <algorithm>

namespace weir::sim {
namespace {

// Copies what lies from `skip` on, at most `limit` bytes. kClosed when a file ended before what was promised of it.
Result<ByteVector> gather(std::span<const OutSegment> segments, size_t skip, size_t limit) {
  ByteVector bytes;
  for (const OutSegment& segment : segments) {
    const auto* shared = std::get_if<SharedBytes>(&segment);
    const auto* region = std::get_if<FileRegion>(&segment);
    const size_t size = shared != nullptr ? shared->bytes.size() : region->length;
    if (skip >= size) {
      skip -= size;
      continue;
    }
    const size_t count = std::min(size - skip, limit - bytes.size());
    const size_t before = bytes.size();
    bytes.resize(before + count);
    if (shared != nullptr) {
      std::copy_n(shared->bytes.begin() + static_cast<ptrdiff_t>(skip), count,
                  bytes.begin() + static_cast<ptrdiff_t>(before));
    } else {
      TRY_ASSIGN(const size_t got, region->file->read_at(region->position + skip, MutableBytes(bytes).subspan(before)));
      bytes.resize(before + got);
      if (got == 0) return fail(Errc::kClosed, "a file ended before the bytes that were promised of it");
      if (got < count) break;
    }
    skip = 0;
    if (bytes.size() == limit) break;
  }
  return bytes;
}

}  // namespace

Stream::Stream(Fabric& joined, Endpoint client, Endpoint server, size_t buffer)
    : fabric(joined), capacity(buffer), endpoints{std::move(client), std::move(server)} {}

size_t Stream::room(int side) const {
  const Pipe& pipe = pipes[static_cast<size_t>(side)];
  const size_t held = pipe.under_way + pipe.unread();
  return held < capacity ? capacity - held : 0;
}

void Stream::deliver(int side, Work arrive) {
  Pipe& pipe = from(side);
  const Duration now = fabric.simulation_.now();
  pipe.last_arrival = std::max(pipe.last_arrival, now + fabric.draw_delay());
  fabric.deliver(endpoints[static_cast<size_t>(side)].host, peer_of(side).host, pipe.last_arrival - now,
                 std::move(arrive));
}

void Stream::send(int side, ByteVector bytes) {
  from(side).under_way += bytes.size();
  deliver(side, [self = shared_from_this(), side, bytes = std::move(bytes)] {
    Pipe& pipe = self->from(side);
    pipe.under_way -= bytes.size();
    const auto other = static_cast<size_t>(1 - side);
    if (self->broken[other]) return;
    if (self->closed[other]) return self->send_reset(1 - side);
    pipe.arrived.insert(pipe.arrived.end(), bytes.begin(), bytes.end());
    if (self->ends[other] != nullptr) self->ends[other]->notify_readers();
  });
}

void Stream::send_end(int side) {
  if (std::exchange(from(side).end_sent, true)) return;
  deliver(side, [self = shared_from_this(), side] {
    self->from(side).end_arrived = true;
    const auto other = static_cast<size_t>(1 - side);
    if (self->ends[other] != nullptr) self->ends[other]->notify_readers();
  });
}

void Stream::send_reset(int side) {
  deliver(side, [self = shared_from_this(), side] { self->break_end(1 - side); });
}

void Stream::break_end(int side) {
  if (std::exchange(broken[static_cast<size_t>(side)], true)) return;
  SimConnection* end = ends[static_cast<size_t>(side)];
  if (end == nullptr) return;
  end->notify_readers();
  end->notify_writers();
}

void Stream::close(int side) {
  if (std::exchange(closed[static_cast<size_t>(side)], true)) return;
  if (broken[static_cast<size_t>(side)]) return;
  // As TCP does: who closes without having read everything resets the connection.
  if (to(side).unread() > 0) {
    send_reset(side);
  } else {
    send_end(side);
  }
}

SimConnection::SimConnection(std::shared_ptr<Stream> stream, int side) : stream_(std::move(stream)), side_(side) {
  stream_->ends[static_cast<size_t>(side_)] = this;
}

SimConnection::~SimConnection() {
  stream_->close(side_);
  stream_->ends[static_cast<size_t>(side_)] = nullptr;
}

bool SimConnection::over() const {
  return stream_->closed[static_cast<size_t>(side_)] || stream_->broken[static_cast<size_t>(side_)];
}

Result<size_t> SimConnection::read_now(MutableBytes into) {
  if (over()) return fail(Errc::kClosed, peer().to_string() + ": the connection is closed or reset");
  CHECK(!into.empty());
  Pipe& pipe = stream_->to(side_);
  if (pipe.unread() == 0) {
    if (pipe.end_arrived) return size_t{0};
    return fail(Errc::kWouldBlock, {});
  }
  Fabric& fabric = stream_->fabric;
  size_t count = std::min(into.size(), pipe.unread());
  if (fabric.simulation_.random().percent(fabric.conditions_.short_percent)) {
    count = fabric.simulation_.random().between(1, count);
  }
  std::copy_n(pipe.arrived.begin() + static_cast<ptrdiff_t>(pipe.read), count, into.begin());
  pipe.read += count;
  if (pipe.unread() == 0) {
    pipe.arrived.clear();
    pipe.read = 0;
  }
  SimConnection* writer = stream_->ends[static_cast<size_t>(1 - side_)];
  if (writer != nullptr) writer->notify_writers();
  return count;
}

Wait SimConnection::readable(MonotonicTime deadline) {
  const Pipe& pipe = stream_->to(side_);
  const bool ready = over() || pipe.unread() > 0 || pipe.end_arrived;
  return ready ? Wait::none(readers_) : readers_.wait_until(deadline);
}

Result<size_t> SimConnection::write_now(std::span<const OutSegment> segments, size_t skip) {
  if (over()) return fail(Errc::kClosed, peer().to_string() + ": the connection is closed or reset");
  Fabric& fabric = stream_->fabric;
  size_t limit = stream_->room(side_);
  if (limit == 0) return fail(Errc::kWouldBlock, {});
  if (fabric.simulation_.random().percent(fabric.conditions_.short_percent)) {
    limit = fabric.simulation_.random().between(1, limit);
  }
  TRY_ASSIGN(ByteVector bytes, gather(segments, skip, limit));
  CHECK(!bytes.empty(), "nothing left to write");
  const size_t count = bytes.size();
  // A process that died in the middle of this step says nothing more.
  if (!fabric.dying_.contains(local().host)) stream_->send(side_, std::move(bytes));
  return count;
}

Wait SimConnection::writable(MonotonicTime deadline) {
  return over() || stream_->room(side_) > 0 ? Wait::none(writers_) : writers_.wait_until(deadline);
}

void SimConnection::close() {
  stream_->close(side_);
  readers_.notify_all();
  writers_.notify_all();
}

SimListener::SimListener(Fabric& fabric, Endpoint local) : fabric_(fabric), local_(std::move(local)) {
  fabric_.listeners_[{local_.host, local_.port}] = this;
}

SimListener::~SimListener() { fabric_.listeners_.erase({local_.host, local_.port}); }

Task<Result<std::unique_ptr<Accepted>>> SimListener::accept() {
  for (;;) {
    if (closed_) co_return fail(Errc::kClosed, "the listener on " + local_.to_string() + " is closed");
    if (!waiting_.empty()) {
      std::unique_ptr<Accepted> next = std::move(waiting_.front());
      waiting_.pop_front();
      co_return next;
    }
    co_await incoming_.wait();
  }
}

void SimListener::close() {
  closed_ = true;
  waiting_.clear();
  incoming_.notify_all();
}

void SimListener::arrive(std::shared_ptr<Stream> stream) {
  auto accepted = std::make_unique<SimAccepted>(std::move(stream), 1);
  if (closed_) return;
  waiting_.push_back(std::move(accepted));
  incoming_.notify_all();
}

}  // namespace weir::sim
