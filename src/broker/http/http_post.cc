#include "broker/http/http_post.h"

#include <fmt/core.h>

#include <array>
#include <charconv>

namespace weir::broker {
namespace {

// "HTTP/1.1 200 OK\r\n": of a status line this much is looked at.
constexpr size_t kStatusLineMax = 256;
constexpr size_t kStatusPosition = 9;
constexpr size_t kStatusSize = 3;

Result<int> status_of(std::string_view head) {
  int status = 0;
  const bool is_http = head.starts_with("HTTP/1.") && head.size() > kStatusPosition + kStatusSize;
  if (is_http) {
    const char* digits = head.data() + kStatusPosition;
    if (std::from_chars(digits, digits + kStatusSize, status).ptr == digits + kStatusSize) return status;
  }
  return fail(Errc::kCorrupt, "the answer is no HTTP");
}

}  // namespace

Task<Result<int>> http_post(Network& network, const HttpTarget& target, std::string_view content_type,
                            std::string_view body, Duration patience) {
  Loop& loop = Loop::current();
  const MonotonicTime deadline = loop.now() + patience;
  CO_TRY_ASSIGN(const std::unique_ptr<Connection> connection,
                co_await network.connect(loop, target.endpoint, deadline));
  const std::string head =
      fmt::format("POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                  target.path, target.endpoint.to_string(), content_type, body.size());
  const std::array<OutSegment, 2> segments{SharedBytes{{}, as_bytes(head)}, SharedBytes{{}, as_bytes(body)}};
  CO_TRY(co_await connection->write_all(segments, patience));
  std::string answer;
  while (answer.find("\r\n") == std::string::npos && answer.size() < kStatusLineMax) {
    std::array<uint8_t, kStatusLineMax> bytes;
    const Result<size_t> got = connection->read_now(bytes);
    if (got && *got == 0) break;
    if (got) {
      answer += as_text({bytes.data(), *got});
    } else if (got.error().code != Errc::kWouldBlock) {
      co_return std::unexpected(got.error());
    } else if (!co_await connection->readable(deadline)) {
      co_return fail(Errc::kTimedOut, "no answer");
    }
  }
  connection->close();
  co_return status_of(answer);
}

}  // namespace weir::broker
