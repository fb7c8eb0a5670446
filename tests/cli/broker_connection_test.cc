// BrokerConnection against a broker of the test's own on a loopback socket.
#include "protocol/connection/broker_connection.h"

#include <gtest/gtest.h>

#include "base/real/posix_network.h"
#include "base/real/system.h"
#include "client/cluster.h"
#include "protocol/frame.h"
#include "protocol/messages/api_versions_request.h"
#include "protocol/messages/api_versions_response.h"
#include "protocol/messages/heartbeat_request.h"
#include "protocol/messages/heartbeat_response.h"

namespace weir::client {
namespace {

using protocol::ApiKey;

// What the fake broker does; each test sets some.
struct Script {
  int16_t api_versions_max = 4;
  bool answers_heartbeats = true;
  int32_t correlation_shift = 0;
  int connections = 0;
  std::vector<int16_t> api_versions_seen;
};

template <class Message>
Task<Result<>> reply(Connection& connection, ApiKey key, int16_t version, int32_t correlation_id,
                     const Message& message, int16_t message_version) {
  protocol::Writer out;
  const size_t start = protocol::begin_response(out, key, version, correlation_id);
  CO_TRY(message.encode(out, message_version));
  out.end_frame(start);
  co_return co_await connection.write_all(out.view(), seconds(5));
}

Task<Result<>> answer_one(Connection& connection, Script& script) {
  std::array<uint8_t, 4> prefix;
  CO_TRY(co_await connection.read_exactly(prefix, kNever));
  ByteVector frame(static_cast<size_t>(load_be<int32_t>(prefix.data())));
  CO_TRY(co_await connection.read_exactly(frame, kNever));
  protocol::Reader in(frame);
  CO_TRY_ASSIGN(const auto header, protocol::decode_request_header(in));
  const auto key = static_cast<ApiKey>(header.request_api_key);
  const int16_t version = header.request_api_version;
  const int32_t correlation_id = header.correlation_id + script.correlation_shift;
  if (key == ApiKey::kApiVersions) {
    script.api_versions_seen.push_back(version);
    protocol::ApiVersionsResponse response;
    response.api_keys = {{18, 0, script.api_versions_max}, {12, 0, 3}};
    const bool known = version <= script.api_versions_max;
    if (!known) response.error_code = 35;
    co_return co_await reply(connection, key, 0, header.correlation_id, response, known ? version : int16_t{0});
  }
  if (script.answers_heartbeats) {
    co_return co_await reply(connection, key, version, correlation_id, protocol::HeartbeatResponse{}, version);
  }
  co_return Result<>();
}

Task<void> serve(std::unique_ptr<Connection> connection, Script& script) {
  while (co_await answer_one(*connection, script)) {
  }
}

Task<void> accept_all(Listener& listener, Script& script) {
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted) co_return;
    ++script.connections;
    Loop::current().spawn(serve((*accepted)->attach(Loop::current()), script));
  }
}

class BrokerConnectionTest : public ::testing::Test {
 protected:
  using Body = std::function<Task<void>(BrokerConnection&, Script&)>;

  void run(Script script, Body body) {
    script_ = std::move(script);
    loop_.spawn(all(std::move(body)));
    loop_.run();
    loop_.clear();
  }

  Task<void> all(Body body) {
    auto listener = network_.listen(loop_, {"127.0.0.1", 0});
    loop_.spawn(accept_all(**listener, script_));
    options_.reconnect_backoff = options_.reconnect_backoff_max = milliseconds(1);
    BrokerConnection connection(network_, random_, loop_, connection_options(options_), NodeId(1),
                                (*listener)->local());
    co_await body(connection, script_);
    (*listener)->close();
    connection.close();
    loop_.stop();
  }

  SystemClock clock_;
  SystemRandom random_;
  SystemDiskThreads disk_threads_{1};
  PosixNetwork network_{disk_threads_};
  ClientOptions options_;
  Script script_;
  EpollLoop loop_{ShardId(0), clock_};
};

MonotonicTime in(Duration duration) { return Loop::current().now() + duration; }

Task<void> two_calls(BrokerConnection& connection, Script&) {
  const protocol::HeartbeatRequest heartbeat;
  for (int i = 0; i < 2; ++i) {
    const auto answer = co_await connection.call(heartbeat, in(seconds(10)));
    EXPECT_TRUE(answer.has_value());
    EXPECT_EQ(answer->version, 3) << "the highest that both know";
  }
}

TEST_F(BrokerConnectionTest, CallsShareOneConnectionAndTheHighestCommonVersion) {
  run({}, two_calls);
  EXPECT_EQ(script_.connections, 1);
  EXPECT_EQ(script_.api_versions_seen, std::vector<int16_t>{4});
}

TEST_F(BrokerConnectionTest, FallsBackToTheApiVersionsThatAnOlderBrokerKnows) {
  run({.api_versions_max = 2}, two_calls);
  EXPECT_EQ(script_.api_versions_seen, (std::vector<int16_t>{4, 2}));
}

TEST_F(BrokerConnectionTest, AnApiThatTheBrokerLacksIsUnsupported) {
  run({}, [](BrokerConnection& connection, Script&) -> Task<void> {
    const protocol::HeartbeatRequest heartbeat;
    const auto answer = co_await connection.call(heartbeat, in(seconds(10)), 4);
    EXPECT_EQ(answer.error().code, Errc::kUnsupported);
  });
}

TEST_F(BrokerConnectionTest, ACallWithoutAnswerEndsTheConnectionAndTheNextOneMakesANew) {
  run({.answers_heartbeats = false}, [](BrokerConnection& connection, Script& script) -> Task<void> {
    const protocol::HeartbeatRequest heartbeat;
    const auto lost = co_await connection.call(heartbeat, in(milliseconds(20)));
    EXPECT_EQ(lost.error().code, Errc::kTimedOut);
    EXPECT_FALSE(connection.is_connected());
    script.answers_heartbeats = true;
    const auto answered = co_await connection.call(heartbeat, in(seconds(10)));
    EXPECT_TRUE(answered.has_value());
  });
  EXPECT_EQ(script_.connections, 2);
}

TEST_F(BrokerConnectionTest, AnAnswerToAnotherRequestEndsTheConnection) {
  run({.correlation_shift = 1}, [](BrokerConnection& connection, Script&) -> Task<void> {
    const protocol::HeartbeatRequest heartbeat;
    const auto answer = co_await connection.call(heartbeat, in(seconds(10)));
    EXPECT_EQ(answer.error().code, Errc::kCorrupt);
    EXPECT_FALSE(connection.is_connected());
  });
}

}  // namespace
}  // namespace weir::client
