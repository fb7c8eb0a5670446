#include "base/result.h"

namespace weir {

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::kIo:
      return "io";
    case Errc::kNoSpace:
      return "no-space";
    case Errc::kNotFound:
      return "not-found";
    case Errc::kAlreadyExists:
      return "already-exists";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kInvalidArgument:
      return "invalid-argument";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kOutOfRange:
      return "out-of-range";
    case Errc::kTooLarge:
      return "too-large";
    case Errc::kTimedOut:
      return "timed-out";
    case Errc::kClosed:
      return "closed";
    case Errc::kWouldBlock:
      return "would-block";
    case Errc::kUnavailable:
      return "unavailable";
    case Errc::kOutOfOrderSequence:
      return "out-of-order-sequence";
    case Errc::kStaleProducerEpoch:
      return "stale-producer-epoch";
    case Errc::kBusy:
      return "busy";
  }
  return "unknown";
}

}  // namespace weir
