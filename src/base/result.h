// Result<T>: the one error path below the request handlers. An Error has a code that callers branch on and a message
// that names the thing it happened to. Wire error codes appear only in handlers and codecs (protocol/error_code.h).
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

// What a caller can do about an error is in the comment of each code.
enum class Errc : uint8_t {
  kIo,                  // the device or the kernel failed: take the log dir, or the connection, out of service
  kNoSpace,             // the disk is full: answer with a retriable error and try again later
  kNotFound,            // no such file, topic, group, ...: the message says which
  kAlreadyExists,       // as it says
  kCorrupt,             // bytes that do not parse or whose checksum is wrong: never retry the same bytes
  kInvalidArgument,     // the caller's input is wrong: tell the user
  kUnsupported,         // a version, codec or feature that is not served
  kOutOfRange,          // an offset outside the log: the caller resets its position
  kTooLarge,            // over a configured limit
  kTimedOut,            // the deadline passed: the outcome may be unknown
  kClosed,              // the peer, the connection or the component is gone: reconnect or give up
  kWouldBlock,          // nothing to do now: wait for readiness
  kUnavailable,         // not now (loading, not leader, fenced): retry after refreshing what you know
  kOutOfOrderSequence,  // an idempotent producer skipped a sequence number
  kStaleProducerEpoch,  // a fenced producer
  kBusy,                // held by somebody else (lock file, port)
};

std::string_view errc_name(Errc code);

struct Error {
  Errc code;
  std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

// return fail(Errc::kCorrupt, "segment {} ends at {}", ...) is spelt with fmt by the caller; this takes the finished
// message.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected<Error>(Error{code, std::move(message)});
}

}  // namespace weir

// TRY returns the error of a Result<void> from the enclosing function, TRY_ASSIGN also takes the value; CO_ variants
// for coroutines.
#define WEIR_TRY_CAT2(a, b) a##b
#define WEIR_TRY_CAT(a, b) WEIR_TRY_CAT2(a, b)
#define WEIR_TRY_IMPL(result, declaration, expression, ret) \
  auto result = (expression);                               \
  if (!result) [[unlikely]]                                 \
    ret std::unexpected(std::move(result).error());         \
  declaration = *std::move(result)
#define WEIR_TRY_VOID_IMPL(result, expression, ret)     \
  if (auto result = (expression); !result) [[unlikely]] \
  ret std::unexpected(std::move(result).error())

// TRY_ASSIGN(auto x, f()); TRY(g());  CO_TRY_ASSIGN(auto x, co_await f()); CO_TRY(co_await g());
#define TRY_ASSIGN(declaration, expression) \
  WEIR_TRY_IMPL(WEIR_TRY_CAT(try_result_, __LINE__), declaration, expression, return)
#define TRY(expression) WEIR_TRY_VOID_IMPL(WEIR_TRY_CAT(try_result_, __LINE__), expression, return)
#define CO_TRY_ASSIGN(declaration, expression) \
  WEIR_TRY_IMPL(WEIR_TRY_CAT(try_result_, __LINE__), declaration, expression, co_return)
#define CO_TRY(expression) WEIR_TRY_VOID_IMPL(WEIR_TRY_CAT(try_result_, __LINE__), expression, co_return)
