// HttpServer: the node's small HTTP side: /metrics, /livez, /readyz. One request a connection; bodies are not read.
// Lives on the first loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/seams.h"

namespace weir::broker {

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  // Answers a GET of a path without its query.
  using Handler = std::function<Task<HttpAnswer>(std::string_view path)>;
  // A longer request head is refused.
  static constexpr size_t kHeadSizeMax = 8192;
  // Connections served at once; more wait in the backlog of the listener.
  static constexpr size_t kConnectionsMax = 64;
  // For a client to send its request, and to take the answer.
  static constexpr Duration kPatience = seconds(10);

  HttpServer(std::unique_ptr<Listener> listener, Handler handler)
      : listener_(std::move(listener)), handler_(std::move(handler)) {}

  // Serves until close().
  Task<void> run();
  void close();
  [[nodiscard]] const Endpoint& local() const { return listener_->local(); }

 private:
  Task<void> serve(std::unique_ptr<Connection> connection);
  // The request's path, or the answer to what is no request that is served here.
  Task<Result<std::string>> read_path(Connection& connection);

  std::unique_ptr<Listener> listener_;
  Handler handler_;
  size_t open_ = 0;
  WaitList closed_one_;
};

}  // namespace weir::broker
