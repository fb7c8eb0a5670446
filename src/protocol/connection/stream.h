// Stream: one established connection to a broker: requests go out in order, answers come back in that order and find
// those who wait for them. Shared by its BrokerConnection and its own reading and writing tasks, which end with it.
// Loop thread only. Frames: protocol/frame.h.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/seams.h"
#include "protocol/api_key.h"

namespace weir::protocol {

// The bytes behind the header of an answer, and what keeps them alive.
struct Answer {
  Buffer owner;
  ByteView body;
};

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  // A request without an answer yet. Shared, because the one who waits may go away before the answer comes.
  struct Call {
    ApiKey key{};
    int16_t version = 0;
    int32_t correlation_id = 0;
    std::optional<Result<Answer>> result;
    WaitList done;
  };

  // Answers above `answer_size_max` bytes end the stream: the size comes from the peer.
  Stream(Loop& loop, std::unique_ptr<Connection> connection, size_t answer_size_max, Duration write_stall);

  // Starts the tasks. They end when the stream does.
  void start();
  // Queues a request frame. Its answer, or the end of the stream, sets call->result.
  void send(SharedBytes frame, std::shared_ptr<Call> call);
  // Queues a frame that is not answered (Produce with acks 0).
  void send_unanswered(SharedBytes frame);
  // Fails all calls with `why` and closes the connection. Idempotent.
  void end(const Error& why);

  [[nodiscard]] bool ended() const { return ended_.has_value(); }
  [[nodiscard]] const Error& why_ended() const { return *ended_; }
  [[nodiscard]] size_t calls_in_flight() const { return calls_.size(); }
  // When the last frame was queued or the last answer came.
  [[nodiscard]] MonotonicTime last_use() const { return last_use_; }
  // False until everything queued has been handed to the kernel; then, and at the end, drained() is notified.
  [[nodiscard]] bool nothing_to_write() const { return outgoing_.empty() && !writing_; }
  WaitList& drained() { return drained_; }
  // Notified at each answer and at the end.
  WaitList& progressed() { return progressed_; }

 private:
  static Task<void> read_loop(std::shared_ptr<Stream> self);
  static Task<void> write_loop(std::shared_ptr<Stream> self);
  Task<Result<>> read_answer();

  Loop& loop_;
  std::unique_ptr<Connection> connection_;
  size_t answer_size_max_;
  Duration write_stall_;
  std::deque<std::shared_ptr<Call>> calls_;  // bounded by BrokerConnection's calls_max
  std::vector<OutSegment> outgoing_;         // likewise
  bool writing_ = false;
  WaitList work_to_write_;
  WaitList drained_;
  WaitList progressed_;
  std::optional<Error> ended_;
  MonotonicTime last_use_;
};

}  // namespace weir::protocol
