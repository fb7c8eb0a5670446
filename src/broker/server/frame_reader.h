// FrameReader: cuts a connection's bytes into requests. Small requests share the buffer that they were received in,
// which grows with what the client sends at once; a large one is received straight into a buffer of its own. While
// nothing is being received no buffer is held, so an idle connection costs no memory. Owned by its connection; loop
// thread only. Format: int32 size, then so many bytes.
#pragma once

#include "base/buffer.h"
#include "base/seams.h"

namespace weir::broker {

// One request without its size prefix. The bytes are the owner's to patch.
struct Frame {
  Buffer owner;
  MutableBytes bytes;
};

class FrameReader {
 public:
  // Bytes received at once while the size of the request is unknown: from so few that ten thousand waiting clients hold
  // little, up to so many that a busy one costs few calls.
  static constexpr size_t kReceiveSizeMin = size_t{4} << 10;
  static constexpr size_t kReceiveSizeMax = size_t{128} << 10;
  // Larger requests have a buffer of their own.
  static constexpr size_t kSharedSizeMax = size_t{64} << 10;

  FrameReader(Connection& connection, size_t frame_size_max)
      : connection_(connection), frame_size_max_(frame_size_max) {}

  // Waits for the next whole request. kClosed at the end of the stream; kCorrupt for a size that is negative or too
  // large; kTimedOut when `idle` passes without a byte. After an error the connection is of no more use.
  Task<Result<Frame>> next(Duration idle);
  // Whether bytes have arrived that were not yet given out.
  [[nodiscard]] bool has_unread() const { return end_ > begin_; }

 private:
  static constexpr size_t kSizePrefix = 4;
  // Receives at least one byte behind what is there, into a buffer that holds at least `wanted` unread bytes.
  Task<Result<>> receive(size_t wanted, Duration idle);
  void make_room(size_t wanted);
  void drop_buffer();
  Task<Result<Frame>> receive_rest(size_t size, Duration idle);
  Frame take(size_t size);
  [[nodiscard]] ByteView unread() const { return {buffer_.data() + begin_, end_ - begin_}; }

  Connection& connection_;
  size_t frame_size_max_;
  size_t receive_size_ = kReceiveSizeMin;
  Buffer buffer_;     // none while idle
  size_t begin_ = 0;  // of the bytes that no frame has taken yet
  size_t end_ = 0;
};

}  // namespace weir::broker
