#include "protocol/connection/stream.h"

#include <fmt/format.h>

#include "protocol/frame.h"

namespace weir::protocol {

Stream::Stream(Loop& loop, std::unique_ptr<Connection> connection, size_t answer_size_max, Duration write_stall)
    : loop_(loop),
      connection_(std::move(connection)),
      answer_size_max_(answer_size_max),
      write_stall_(write_stall),
      last_use_(loop.now()) {}

void Stream::start() {
  loop_.spawn(read_loop(shared_from_this()));
  loop_.spawn(write_loop(shared_from_this()));
}

void Stream::send(SharedBytes frame, std::shared_ptr<Call> call) {
  if (ended_) {
    call->result = std::unexpected(*ended_);
    call->done.notify_all();
    return;
  }
  calls_.push_back(std::move(call));
  send_unanswered(std::move(frame));
}

void Stream::send_unanswered(SharedBytes frame) {
  if (ended_) return;
  last_use_ = loop_.now();
  outgoing_.emplace_back(std::move(frame));
  work_to_write_.notify_all();
}

void Stream::end(const Error& why) {
  if (ended_) return;
  ended_ = why;
  connection_->close();
  auto calls = std::exchange(calls_, {});
  for (const auto& call : calls) {
    call->result = std::unexpected(why);
    call->done.notify_all();
  }
  outgoing_.clear();
  work_to_write_.notify_all();
  drained_.notify_all();
  progressed_.notify_all();
}

Task<void> Stream::write_loop(std::shared_ptr<Stream> self) {
  while (!self->ended_) {
    if (self->outgoing_.empty()) {
      self->drained_.notify_all();
      co_await self->work_to_write_.wait();
      continue;
    }
    // Everything that was queued meanwhile goes out with one system call.
    auto batch = std::exchange(self->outgoing_, {});
    self->writing_ = true;
    auto written = co_await self->connection_->write_all(batch, self->write_stall_);
    self->writing_ = false;
    if (!written) self->end(written.error());
  }
}

Task<void> Stream::read_loop(std::shared_ptr<Stream> self) {
  while (!self->ended_) {
    auto read = co_await self->read_answer();
    if (!read) self->end(read.error());
    self->progressed_.notify_all();
  }
}

Task<Result<>> Stream::read_answer() {
  std::array<uint8_t, 4> prefix;
  CO_TRY(co_await connection_->read_exactly(prefix, kNever));
  const auto size = load_be<int32_t>(prefix.data());
  if (size < 4 || static_cast<size_t>(size) > answer_size_max_) {
    co_return fail(Errc::kCorrupt, fmt::format("{} announces an answer of {} bytes; at most {} are taken",
                                               connection_->peer().to_string(), size, answer_size_max_));
  }
  Buffer buffer = Buffer::allocate(static_cast<size_t>(size));
  const MutableBytes bytes(buffer.data(), static_cast<size_t>(size));
  CO_TRY(co_await connection_->read_exactly(bytes, kNever));
  last_use_ = loop_.now();
  if (calls_.empty()) {
    co_return fail(Errc::kCorrupt, connection_->peer().to_string() + " sent an answer that nothing asked for");
  }
  auto call = calls_.front();
  Reader reader(bytes);
  CO_TRY_ASSIGN(const int32_t correlation_id, decode_response_header(reader, call->key, call->version));
  if (correlation_id != call->correlation_id) {
    co_return fail(Errc::kCorrupt, fmt::format("{} answered request {} where {} was next",
                                               connection_->peer().to_string(), correlation_id, call->correlation_id));
  }
  calls_.pop_front();
  call->result = Answer{std::move(buffer), reader.rest()};
  call->done.notify_all();
  co_return Result<>();
}

}  // namespace weir::protocol
