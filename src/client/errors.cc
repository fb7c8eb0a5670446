#include "client/errors.h"

#include <fmt/format.h>

namespace weir::client {
namespace {

using protocol::ErrorCode;

Errc errc_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kGroupIdNotFound:
    case ErrorCode::kResourceNotFound:
    case ErrorCode::kVoterNotFound:
      return Errc::kNotFound;
    case ErrorCode::kTopicAlreadyExists:
    case ErrorCode::kDuplicateVoter:
      return Errc::kAlreadyExists;
    case ErrorCode::kOffsetOutOfRange:
      return Errc::kOutOfRange;
    case ErrorCode::kMessageTooLarge:
    case ErrorCode::kRecordListTooLarge:
    case ErrorCode::kOffsetMetadataTooLarge:
      return Errc::kTooLarge;
    case ErrorCode::kCorruptMessage:
      return Errc::kCorrupt;
    case ErrorCode::kRequestTimedOut:
      return Errc::kTimedOut;
    case ErrorCode::kUnsupportedVersion:
    case ErrorCode::kUnsupportedCompressionType:
    case ErrorCode::kUnsupportedForMessageFormat:
      return Errc::kUnsupported;
    case ErrorCode::kOutOfOrderSequenceNumber:
      return Errc::kOutOfOrderSequence;
    case ErrorCode::kInvalidProducerEpoch:
    case ErrorCode::kProducerFenced:
      return Errc::kStaleProducerEpoch;
    case ErrorCode::kUnknownServerError:
    case ErrorCode::kKafkaStorageError:
      return Errc::kIo;
    default:
      return protocol::error_retry(code) == protocol::Retry::kNever ? Errc::kInvalidArgument : Errc::kUnavailable;
  }
}

}  // namespace

Error to_error(ErrorCode code, std::string_view about, std::optional<std::string_view> detail) {
  const std::string_view sentence = detail && !detail->empty() ? *detail : protocol::error_message(code);
  return {errc_of(code), fmt::format("{}: {} ({})", about, sentence, protocol::error_name(code))};
}

Result<> to_result(int16_t code, std::string_view about, std::optional<std::string_view> detail) {
  if (code == 0) return {};
  return std::unexpected(to_error(protocol::error_code(code), about, detail));
}

bool is_transport_failure(const Error& error) {
  return error.code == Errc::kClosed || error.code == Errc::kTimedOut || error.code == Errc::kIo ||
         error.code == Errc::kNotFound;
}

}  // namespace weir::client
