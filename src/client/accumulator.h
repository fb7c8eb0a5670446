// Accumulator: the batches of a Producer from their first record to their end: what is filling, what may be sent now,
// what is on the way, what must be sent again, and with which sequence numbers. A plain state machine: it knows no I/O
// and no clock. Owned by one Producer; one thread.
//
// Order: the batches of a partition are sent in order, and up to `in_flight_max` of them at once. When one must be sent
// again, nothing newer of its partition is sent until it is decided: a broker that lost the first of two batches takes
// neither, one that lost nothing recognises both by their sequence numbers. Without idempotence only one is in flight.
//
// Doubt: a batch that may be in the log although no answer said so is in doubt. It is sent again under the producer id,
// epoch and sequence that it had, and no others: under others the broker would not recognise it, and store it twice.
// Where a partition has to begin a new epoch (a batch was given up, or the broker lost track), those in doubt are
// decided first, under the old one; what the broker then refuses fails, with its fate unknown. Only batches that were
// never sent or were always refused are numbered anew. See docs/decisions/0007-batches-in-doubt.md.
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
  uint64_t order = 0;          // counts the batches of the producer from the oldest
  int attempts = 0;
  bool sealed = false;
  bool in_doubt = false;  // an attempt may have been stored
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
  Batch* take(const TopicPartition& place);

  // What an answer means for its batch.
  enum class Verdict : uint8_t {
    kStored,     // succeeded()
    kUncertain,  // send_again(): it may be stored
    kRefused,    // send_again(): this attempt was not stored and never will be
    kLostTrack,  // lost_track(): refused, and so would every other attempt under this identity be
    kGivenUp,    // failed(): trying again will not help
  };
  [[nodiscard]] Verdict judge(const Batch& batch, protocol::ErrorCode error) const;

  void succeeded(Batch* batch, Offset base_offset, Timestamp append_time);
  // Behind a numbered batch that fails the broker sees a gap: its partition begins a new epoch.
  void failed(Batch* batch, const Error& error);
  // `verdict` is kUncertain or kRefused. No answer at all is kUncertain.
  void send_again(Batch* batch, Verdict verdict, MonotonicTime not_before);
  // The partition begins a new epoch. Sends the batch in it, or fails it with `error` when it is in doubt.
  void lost_track(Batch* batch, const Error& error, MonotonicTime not_before);

  // Whether nothing can be numbered before set_identity() is called with what the brokers gave.
  [[nodiscard]] bool identity_wanted() const { return options_.idempotent && identity_.id == kNoProducerId; }
  void set_identity(ProducerIdentity identity) { identity_ = identity; }

  // Fails what was not stored within the delivery timeout and is not on its way. Whether there was any.
  bool expire(MonotonicTime now);
  // Fails everything that is not on its way: it can never be sent.
  void fail_waiting(const Error& error);
  // When ready() or expire() may have something new although nothing else happened; kNever.
  [[nodiscard]] MonotonicTime next_deadline(MonotonicTime now) const;
  [[nodiscard]] size_t records_pending() const { return records_pending_; }

 private:
  std::unique_ptr<Batch> leave(PartitionBatches& partition, Batch* batch);
  void begin_epoch_when_settled(PartitionBatches& partition);

  const ProducerOptions& options_;
  std::map<TopicPartition, std::unique_ptr<PartitionBatches>> partitions_;  // one for each partition written to
  size_t used_ = 0;
  size_t records_pending_ = 0;
  uint64_t batches_made_ = 0;
  ProducerIdentity identity_;  // of partitions that begin; each counts its epochs from there
};

}  // namespace weir::client
