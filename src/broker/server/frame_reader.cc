#include "broker/server/frame_reader.h"

#include <fmt/core.h>

#include <cstring>

namespace weir::broker {

Task<Result<Frame>> FrameReader::next(Duration idle) {
  while (end_ - begin_ < kSizePrefix) CO_TRY(co_await receive(idle));
  const auto announced = load_be<int32_t>(unread().data());
  if (announced < 0 || static_cast<size_t>(announced) > frame_size_max_) {
    co_return fail(Errc::kCorrupt,
                   fmt::format("a request of {} bytes is announced, {} are allowed", announced, frame_size_max_));
  }
  const auto size = static_cast<size_t>(announced);
  if (end_ - begin_ < kSizePrefix + size) co_return co_await receive_rest(size, idle);
  co_return take(size);
}

Frame FrameReader::take(size_t size) {
  Frame frame{buffer_, {buffer_.data() + begin_ + kSizePrefix, size}};
  begin_ += kSizePrefix + size;
  if (begin_ == end_) {
    buffer_ = {};
    begin_ = end_ = 0;
  }
  return frame;
}

Task<Result<>> FrameReader::receive(Duration idle) {
  // The buffer is taken when there is something to put into it, not while waiting.
  for (;;) {
    if (!co_await connection_.readable(Loop::current().now() + idle)) {
      co_return fail(Errc::kTimedOut, connection_.peer().to_string() + " was idle for too long");
    }
    if (!buffer_ || end_ == buffer_.capacity()) {
      Buffer fresh = Buffer::allocate(kReceiveSize - 64);
      if (end_ > begin_) std::memcpy(fresh.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
      buffer_ = std::move(fresh);
    }
    Result<size_t> got = connection_.read_now({buffer_.data() + end_, buffer_.capacity() - end_});
    if (got && *got > 0) {
      end_ += *got;
      co_return Result<>();
    }
    if (end_ == begin_) {
      buffer_ = {};
      begin_ = end_ = 0;
    }
    if (got) co_return fail(Errc::kClosed, connection_.peer().to_string() + " closed the connection");
    if (got.error().code != Errc::kWouldBlock) co_return std::unexpected(std::move(got).error());
  }
}

Task<Result<Frame>> FrameReader::receive_rest(size_t size, Duration idle) {
  Frame frame{Buffer::allocate(size), {}};
  frame.bytes = {frame.owner.data(), size};
  size_t done = end_ - begin_ - kSizePrefix;
  std::memcpy(frame.bytes.data(), buffer_.data() + begin_ + kSizePrefix, done);
  buffer_ = {};
  begin_ = end_ = 0;
  while (done < size) {
    Result<size_t> got = connection_.read_now(frame.bytes.subspan(done));
    if (got && *got == 0)
      co_return fail(Errc::kClosed, connection_.peer().to_string() + " closed the connection in a request");
    if (got) {
      done += *got;
    } else if (got.error().code != Errc::kWouldBlock) {
      co_return std::unexpected(std::move(got).error());
    } else if (!co_await connection_.readable(Loop::current().now() + idle)) {
      co_return fail(Errc::kTimedOut, connection_.peer().to_string() + " stopped in the middle of a request");
    }
  }
  co_return frame;
}

}  // namespace weir::broker
