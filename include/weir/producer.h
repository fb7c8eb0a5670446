// Producer: sends records in batches, one stream of batches for each partition. Threads, errors: client.h.
#pragma once

#include <functional>
#include <memory>

#include "protocol/compression.h"
#include "weir/client.h"
#include "weir/record.h"

namespace weir::client {

using protocol::Compression;  // kNone, kGzip, kSnappy, kLz4, kZstd

struct ProducerOptions {
  int acks = -1;           // -1: all in-sync replicas have it; 1: the leader has it; 0: nobody says anything
  bool idempotent = true;  // no duplicates and no reordering on retries; needs acks -1
  Compression compression = Compression::kNone;
  size_t batch_size = 16 << 10;       // bytes of one batch before compression; a bigger record gets a batch of its own
  Duration linger = milliseconds(5);  // a batch that is not full waits this long for company
  size_t request_size_max = 1 << 20;  // bytes; also the largest record
  size_t buffer_memory = 32 << 20;    // bytes of records that are not acknowledged; when full, send() waits
  Duration delivery_timeout = seconds(120);  // from send() to success or failure, retries included
  int in_flight_max = 5;                     // requests to one broker without an answer, at most 5 when idempotent
};

// Called once for each record, on the loop, in the order of the partition. It may not destroy the producer.
using DeliveryCallback = std::move_only_function<void(const Result<Delivery>&)>;

class Producer {
 public:
  Producer(const Client& client, ProducerOptions options);
  // What was not acknowledged by then is dropped, and its callbacks are not called: flush() first.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Puts the record into its batch and returns; waits only while the buffer is full or the topic is unknown. On an
  // error the record was not taken and `done` is not called. kNotFound, kTooLarge, kInvalidArgument, kTimedOut.
  Task<Result<>> send(ProducerRecord record, DeliveryCallback done);
  // Waits for the fate of the record.
  Task<Result<Delivery>> send_and_wait(ProducerRecord record);
  // Sends what waits without lingering further; returns when every record taken so far has met its fate.
  Task<void> flush();
  // Records taken and not yet decided.
  [[nodiscard]] size_t pending() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace weir::client
