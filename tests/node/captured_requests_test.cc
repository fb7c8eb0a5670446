// The requests that Kafka's clients and a sweep over all versions were captured with, sent to a node: each is answered
// in the version it was asked in, by bytes that parse to their end, whatever the answer says. A field that the version
// cannot carry once ended the node.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <set>

#include "broker/server/api_handler.h"
#include "golden/golden.h"
#include "node/running_node.h"
#include "protocol/frame.h"
#include "protocol/json/reflection.h"

namespace weir {
namespace {

// A blocking connection; an answer of no bytes stands for a connection that was closed.
class Client {
 public:
  explicit Client(const Endpoint& node) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(node.port);
    ::inet_pton(AF_INET, node.host.c_str(), &address.sin_addr);
    CHECK(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(socket_); }

  ByteVector ask(ByteView request) {
    std::array<uint8_t, 4> size{};
    store_be(size.data(), static_cast<int32_t>(request.size()));
    if (!send_all(size) || !send_all(request) || !receive_all(size)) return {};
    ByteVector answer(static_cast<size_t>(load_be<int32_t>(size.data())));
    return receive_all(answer) ? answer : ByteVector{};
  }

 private:
  bool send_all(ByteView bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  bool receive_all(MutableBytes into) {
    return into.empty() || ::recv(socket_, into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
  }
  int socket_;
};

void expect_answer(ByteView answer, protocol::ApiKey key, int16_t version) {
  ASSERT_FALSE(answer.empty()) << "the connection was closed";
  protocol::Reader in(answer);
  ASSERT_TRUE(protocol::decode_response_header(in, key, version).has_value());
  const std::string name = std::string(protocol::api_name(key)) + "Response";
  const protocol::MessageInfo* info = protocol::find_message(name);
  ASSERT_NE(info, nullptr);
  auto message = info->make();
  const Result<> decoded = info->decode(message.get(), in, version);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_TRUE(in.expect_end(name).has_value());
}

TEST(CapturedRequests, AreAnsweredInTheVersionTheyAskIn) {
  RunningNode node;
  std::set<std::pair<int16_t, int16_t>> answered;
  for (const std::string& line : golden::lines("exchanges.jsonl.gz")) {
    const auto key = static_cast<protocol::ApiKey>(golden::number_of(line, "key"));
    const auto version = static_cast<int16_t>(golden::number_of(line, "version"));
    const broker::ApiHandler* handler = broker::broker_apis().find(key);
    const bool is_served = handler != nullptr && version >= handler->versions.min && version <= handler->versions.max;
    // A rebalance waits for the members of the captured group, who are not here; acks=0 has no answer.
    const bool waits = key == protocol::ApiKey::kJoinGroup || key == protocol::ApiKey::kSyncGroup;
    const bool is_unanswered = line.find("\"responseHex\":null") != std::string::npos;
    if (!is_served || waits || is_unanswered) continue;
    SCOPED_TRACE(std::string(protocol::api_name(key)) + " v" + std::to_string(version));
    Client client(node.address());
    const ByteVector request = golden::from_hex(golden::text_of(line, "requestHex"));
    ASSERT_NO_FATAL_FAILURE(expect_answer(client.ask(request), key, version));
    answered.insert({static_cast<int16_t>(key), version});
  }
  EXPECT_GT(answered.size(), 100U);
}

}  // namespace
}  // namespace weir
