#include "broker/http/http_server.h"

#include <fmt/core.h>

#include <array>

namespace weir::broker {
namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

std::string head_of(const HttpAnswer& answer) {
  return fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                     answer.status, reason(answer.status), answer.content_type, answer.body.size());
}

// "GET /metrics?x=1 HTTP/1.1" -> "/metrics"; kUnsupported for other methods, kInvalidArgument for anything else.
Result<std::string> path_of(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const size_t method_end = line.find(' ');
  const size_t target_end = method_end == std::string_view::npos ? method_end : line.find(' ', method_end + 1);
  if (target_end == std::string_view::npos || !line.substr(target_end + 1).starts_with("HTTP/1.")) {
    return fail(Errc::kInvalidArgument, "this is no HTTP/1.1 request");
  }
  if (line.substr(0, method_end) != "GET") return fail(Errc::kUnsupported, "only GET is served here");
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  return std::string(target.substr(0, target.find('?')));
}

}  // namespace

Task<void> HttpServer::run() {
  for (;;) {
    while (open_ >= kConnectionsMax) co_await closed_one_.wait();
    auto accepted = co_await listener_->accept();
    if (!accepted && accepted.error().code == Errc::kClosed) co_return;
    if (!accepted) {
      co_await sleep_for(milliseconds(100));
      continue;
    }
    ++open_;
    Loop::current().spawn(serve((*accepted)->attach(Loop::current())));
  }
}

void HttpServer::close() { listener_->close(); }

Task<Result<std::string>> HttpServer::read_path(Connection& connection) {
  const MonotonicTime deadline = Loop::current().now() + kPatience;
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    if (head.size() >= kHeadSizeMax) co_return fail(Errc::kInvalidArgument, "the request is too long");
    std::array<uint8_t, 1024> bytes;
    const Result<size_t> got = connection.read_now(bytes);
    if (got && *got > 0) {
      head += as_text({bytes.data(), *got});
    } else if (got || got.error().code != Errc::kWouldBlock || !co_await connection.readable(deadline)) {
      co_return fail(Errc::kClosed, "the client sent no request");
    }
  }
  co_return path_of(head);
}

Task<void> HttpServer::serve(std::unique_ptr<Connection> connection) {
  const Result<std::string> path = co_await read_path(*connection);
  if (path || path.error().code != Errc::kClosed) {
    HttpAnswer answer;
    if (path) {
      answer = co_await handler_(*path);
    } else {
      answer = {.status = path.error().code == Errc::kUnsupported ? 405 : 400, .body = path.error().message + "\n"};
    }
    const std::string head = head_of(answer);
    const std::array<OutSegment, 2> segments{SharedBytes{{}, as_bytes(head)}, SharedBytes{{}, as_bytes(answer.body)}};
    // A client that does not take its answer has lost it.
    [[maybe_unused]] const Result<> written = co_await connection->write_all(segments, kPatience);
  }
  connection->close();
  --open_;
  closed_one_.notify_one();
}

}  // namespace weir::broker
