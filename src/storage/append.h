// What goes into Log::append_* and what comes out. Plain values; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace weir::storage {

enum class AppendOrigin : uint8_t {
  kClient,       // all checks
  kCoordinator,  // this node's own batches and markers: markers are checked against the producer, nothing else
  kQuorum,       // the metadata log's leader: no producers
};

struct LeaderAppend {
  LeaderEpoch leader_epoch;
  Timestamp now;
  AppendOrigin origin = AppendOrigin::kClient;
  // The producer speaks transaction version 2: what it sends first has sequence 0, and markers raise its epoch.
  bool transaction_version_2 = false;
};

struct AppendInfo {
  Offset base_offset = kNoOffset;
  Offset last_offset = kNoOffset;
  // The records' timestamp where the topic sets it, or that of the first append for a duplicate; else -1.
  Timestamp log_append_time = kNoTimestamp;
  Offset log_start_offset = kNoOffset;
  bool duplicate = false;  // nothing was appended: the offsets are those of the first time
};

enum class AppendErrorCode : uint8_t {
  kRecordTooLarge,      // above max.message.bytes: MESSAGE_TOO_LARGE
  kCorrupt,             // the crc is wrong, or it does not decompress: CORRUPT_MESSAGE
  kInvalidRecord,       // a producer must not send this: INVALID_RECORD
  kInvalidTimestamp,    // outside message.timestamp.*: INVALID_TIMESTAMP
  kBatchTooLarge,       // above segment.bytes: RECORD_LIST_TOO_LARGE
  kStaleProducerEpoch,  // INVALID_PRODUCER_EPOCH
  kOutOfOrderSequence,  // OUT_OF_ORDER_SEQUENCE_NUMBER
  kInvalidTransaction,  // a batch outside its producer's open transaction: INVALID_TXN_STATE
  kStaleCoordinator,    // TRANSACTION_COORDINATOR_FENCED
  kUnexpectedOffset,    // a follower got a batch below its log's end
  kNoSpace,             // the disk is full: nothing was appended, try again later (KAFKA_STORAGE_ERROR)
  kIo,                  // the disk failed: take the directory offline (KAFKA_STORAGE_ERROR)
};

// Why a record of the batch was refused; the index counts the records of the batch from 0.
struct RecordError {
  int32_t batch_index;
  std::string message;
};

struct AppendError {
  AppendErrorCode code;
  std::string message;
  std::vector<RecordError> record_errors;
};

// kNoSpace, kIo; kTooLarge; kCorrupt for all that is wrong with the records.
Error to_error(const AppendError& error);

using AppendResult = std::expected<AppendInfo, AppendError>;

}  // namespace weir::storage
