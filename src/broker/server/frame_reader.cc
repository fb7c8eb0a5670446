#include "broker/server/frame_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

namespace weir::broker {

Task<Result<Frame>> FrameReader::next(Duration idle) {
  while (end_ - begin_ < kSizePrefix) CO_TRY(co_await receive(kSizePrefix, idle));
  const auto announced = load_be<int32_t>(unread().data());
  if (announced < 0 || static_cast<size_t>(announced) > frame_size_max_) {
    co_return fail(Errc::kCorrupt,
                   fmt::format("a request of {} bytes is announced, {} are allowed", announced, frame_size_max_));
  }
  const auto size = static_cast<size_t>(announced);
  while (end_ - begin_ < kSizePrefix + size) {
    if (size > kSharedSizeMax) co_return co_await receive_rest(size, idle);
    CO_TRY(co_await receive(kSizePrefix + size, idle));
  }
  co_return take(size);
}

Frame FrameReader::take(size_t size) {
  Frame frame{buffer_, {buffer_.data() + begin_ + kSizePrefix, size}};
  begin_ += kSizePrefix + size;
  if (begin_ == end_) drop_buffer();
  return frame;
}

void FrameReader::drop_buffer() {
  if (end_ < buffer_.capacity() / 4) receive_size_ = std::max(receive_size_ / 2, kReceiveSizeMin);
  buffer_ = {};
  begin_ = end_ = 0;
}

void FrameReader::make_room(size_t wanted) {
  if (buffer_ && end_ < buffer_.capacity() && buffer_.capacity() - begin_ >= wanted) return;
  Buffer fresh = Buffer::allocate(std::max(receive_size_ - Buffer::kOverhead, wanted));
  if (end_ > begin_) std::memcpy(fresh.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  buffer_ = std::move(fresh);
}

Task<Result<>> FrameReader::receive(size_t wanted, Duration idle) {
  // The buffer is taken when there is something to put into it, not while waiting.
  for (;;) {
    if (!co_await connection_.readable(Loop::current().now() + idle)) {
      co_return fail(Errc::kTimedOut, connection_.peer().to_string() + " was idle for too long");
    }
    make_room(wanted);
    const size_t room = buffer_.capacity() - end_;
    Result<size_t> got = connection_.read_now({buffer_.data() + end_, room});
    if (got && *got > 0) {
      end_ += *got;
      if (*got == room) receive_size_ = std::min(2 * receive_size_, kReceiveSizeMax);
      co_return Result<>();
    }
    if (end_ == begin_) drop_buffer();
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
  receive_size_ = kReceiveSizeMin;  // what follows is likely as large
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
