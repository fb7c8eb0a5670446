// Accumulator: the batches of a Producer from their first record to their end: what is filling, what may be sent now,
// what is on the way, what must be sent again, and with which sequence numbers. A plain state machine: it knows no I/O
// and no clock. Owned by one Producer; one thread.
//
// Order: the batches of a partition are sent in order, and up to `in_flight_max` of them at once. When one must be sent
// again, nothing newer of its partition is sent until it is decided: a broker that lost the first of two batches takes
// neither, one that lost nothing recognises both by their sequence numbers. Without idempotence only one is in flight.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/seams.h"
#include "protocol/batch_builder.h"
#include "protocol/error_code.h"
#include "weir/producer.h"
#include "weir/record.h"

namespace weir::client {

struct ProducerIdentity {
  ProducerId id = kNoProducerId;
  ProducerEpoch epoch = kNoProducerEpoch;
};

class PartitionBatches;

struct Batch {
  TopicPartition place;
  protocol::BatchBuilder builder;
  SharedBytes bytes;  // once sealed
  struct Record {
    DeliveryCallback done;
    Timestamp timestamp;
  };
  std::vector<Record> records;
  MonotonicTime created;
  MonotonicTime not_before{};  // of a batch to be sent again
  size_t memory = 0;           // counted against the buffer
  int attempts = 0;
  bool sealed = false;
  ProducerIdentity identity;
  int32_t sequence = -1;  // -1: none yet
};

class Accumulator {
 public:
  // The options must outlive it.
  explicit Accumulator(const ProducerOptions& options);
  Accumulator(const Accumulator&) = delete;
  Accumulator& operator=(const Accumulator&) = delete;
  ~Accumulator();

  // Bytes that a record takes in the buffer.
  static size_t size_of(const ProducerRecord& record);
  // A record bigger than the whole buffer gets in when nothing else is there.
  [[nodiscard]] bool has_room(size_t size) const { return used_ == 0 || used_ + size <= options_.buffer_memory; }

  struct Appended {
    bool new_batch;    // the record opened one
    bool batch_ready;  // one may be sent now that could not before
  };
  // `record` has its timestamp.
  Appended append(const TopicPartition& place, const ProducerRecord& record, DeliveryCallback done, MonotonicTime now);

  // Partitions with a batch that may be sent now. `flushing`: without lingering further.
  std::vector<TopicPartition> ready(MonotonicTime now, bool flushing);
  // The size of the batch that take() would give, or 0.
  size_t next_size(const TopicPartition& place, MonotonicTime now, bool flushing);
  // The next batch of a ready partition, sealed and numbered; it counts as in flight until one of the calls below.
  Batch* take(const TopicPartition& place, ProducerIdentity identity);

  void succeeded(Batch* batch, Offset base_offset, Timestamp append_time);
  void failed(Batch* batch, const Error& error);
  void send_again(Batch* batch, MonotonicTime not_before);

  // What an error code in the answer to a batch means for it.
  enum class Verdict : uint8_t {
    kStored,    // done
    kAgain,     // send it again
    kAgainNew,  // the broker lost track of the producer: a new identity, then send again
    kLost,      // never to be stored
  };
  [[nodiscard]] Verdict judge(const Batch& batch, protocol::ErrorCode error) const;

  // After a batch is lost, the broker would refuse those behind it for the gap in the sequence: everything begins anew
  // under a new identity as soon as nothing is in flight.
  void want_new_identity() { new_identity_wanted_ = options_.idempotent; }
  [[nodiscard]] bool new_identity_wanted() const { return new_identity_wanted_; }
  void begin_identity();

  // Fails what was not stored within the delivery timeout and is not on its way. Whether there was any.
  bool expire(MonotonicTime now);
  // Fails everything that is not on its way: it can never be sent.
  void fail_waiting(const Error& error);
  // When ready() or expire() may have something new although nothing else happened; kNever.
  [[nodiscard]] MonotonicTime next_deadline(MonotonicTime now) const;
  [[nodiscard]] size_t records_pending() const { return records_pending_; }
  [[nodiscard]] size_t batches_in_flight() const { return in_flight_; }

 private:
  void release(Batch* batch);

  const ProducerOptions& options_;
  std::map<TopicPartition, std::unique_ptr<PartitionBatches>> partitions_;  // one for each partition written to
  size_t used_ = 0;
  size_t records_pending_ = 0;
  size_t in_flight_ = 0;
  bool new_identity_wanted_ = false;
};

}  // namespace weir::client
