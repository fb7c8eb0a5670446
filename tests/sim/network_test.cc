#include "sim/network.h"

#include <gtest/gtest.h>

#include "sim/machine.h"

namespace weir::sim {
namespace {

constexpr Duration kMinute = seconds(60);
const Endpoint kServer{"server", 9092};

class SimNetworkTest : public ::testing::Test {
 protected:
  SimNetworkTest() {
    server_.start(1);
    client_.start(1);
  }

  void on_server(Task<void> task) { spawn(server_, std::move(task)); }
  void on_client(Task<void> task) { spawn(client_, std::move(task)); }
  void spawn(Machine& machine, Task<void> task) {
    auto counted = [](Task<void> inner, int& open) -> Task<void> {
      co_await std::move(inner);
      --open;
    };
    ++open_tasks_;
    machine.loop(0).run_inside([&] { machine.loop(0).spawn(counted(std::move(task), open_tasks_)); });
  }
  void run_all() {
    EXPECT_TRUE(simulation_.run_until([this] { return open_tasks_ == 0; }, 10 * kMinute));
  }

  Simulation simulation_{5};
  Fabric fabric_{simulation_};
  Machine server_{simulation_, fabric_, "server"};
  Machine client_{simulation_, fabric_, "client"};
  int open_tasks_ = 0;
};

// Takes one connection and sends back what comes until the end of the stream.
Task<void> echo(Network& network) {
  auto listener = network.listen(Loop::current(), kServer);
  EXPECT_TRUE(listener.has_value());
  auto accepted = co_await (*listener)->accept();
  EXPECT_TRUE(accepted.has_value());
  auto connection = (*accepted)->attach(Loop::current());
  EXPECT_EQ(connection->peer().host, "client");
  std::array<uint8_t, 700> bytes;
  for (;;) {
    auto got = connection->read_now(bytes);
    if (got && *got == 0) co_return;
    if (got) {
      EXPECT_TRUE(co_await connection->write_all(ByteView(bytes).first(*got), kMinute));
    } else if (got.error().code == Errc::kWouldBlock) {
      co_await connection->readable(kNever);
    } else {
      co_return;
    }
  }
}

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

Task<void> send_pattern(Connection& connection, const std::string& text) {
  EXPECT_TRUE(co_await connection.write_all(as_bytes(text), kMinute));
}

Task<void> talk(Network& network, size_t size) {
  auto connection = co_await network.connect(Loop::current(), kServer, kNever);
  EXPECT_TRUE(connection.has_value());
  const std::string text = pattern(size);
  Loop::current().spawn(send_pattern(**connection, text));
  std::string back(size, '\0');
  EXPECT_TRUE(
      co_await (*connection)
          ->read_exactly({reinterpret_cast<uint8_t*>(back.data()), back.size()}, Loop::current().now() + kMinute));
  EXPECT_TRUE(back == text);
}

TEST_F(SimNetworkTest, BytesArriveWholeAndInOrderThroughSmallBuffersBothWays) {
  fabric_.conditions().buffer_max = 4096;
  fabric_.conditions().slow_percent = 20;
  on_server(echo(server_.seams().network));
  simulation_.run_for(milliseconds(1));
  on_client(talk(client_.seams().network, 100'000));
  run_all();
}

TEST_F(SimNetworkTest, ConnectingWhereNobodyListensIsRefused) {
  on_client([](Network& network) -> Task<void> {
    auto connection = co_await network.connect(Loop::current(), kServer, kNever);
    EXPECT_EQ(connection.error().code, Errc::kClosed);
  }(client_.seams().network));
  run_all();
}

TEST_F(SimNetworkTest, CutLinkHoldsWhatIsUnderWayUntilItIsHealed) {
  on_server(echo(server_.seams().network));
  simulation_.run_for(milliseconds(1));
  on_client(talk(client_.seams().network, 1'000'000));
  simulation_.run_for(milliseconds(10));
  fabric_.cut("client", "server");
  simulation_.run_for(seconds(10));
  EXPECT_EQ(open_tasks_, 2);
  fabric_.heal_all();
  run_all();
}

TEST_F(SimNetworkTest, LinkThatIsCutOneWayCarriesWhatGoesTheOtherWay) {
  on_server(echo(server_.seams().network));
  simulation_.run_for(milliseconds(1));
  bool answered = false;
  on_client([](Network& network, bool& heard) -> Task<void> {
    auto connection = co_await network.connect(Loop::current(), kServer, kNever);
    EXPECT_TRUE(connection.has_value());
    const std::array<uint8_t, 3> question{1, 2, 3};
    EXPECT_TRUE(co_await (*connection)->write_all(question, kMinute));
    co_await (*connection)->readable(kNever);
    heard = true;
  }(client_.seams().network, answered));
  simulation_.run_until([&] { return answered; }, seconds(1));
  EXPECT_TRUE(answered);
  run_all();
  on_server(echo(server_.seams().network));
  simulation_.run_for(milliseconds(1));
  fabric_.cut_one_way("server", "client");
  on_client(talk(client_.seams().network, 100));
  simulation_.run_for(seconds(10));
  // The server hears the client, and is not heard: it waits for more, the client for its answers.
  EXPECT_EQ(open_tasks_, 2);
  fabric_.heal("client", "server");
  run_all();
}

TEST_F(SimNetworkTest, ConnectingOverACutLinkTimesOut) {
  on_server(echo(server_.seams().network));
  simulation_.run_for(milliseconds(1));
  fabric_.cut("client", "server");
  on_client([](Network& network) -> Task<void> {
    auto connection = co_await network.connect(Loop::current(), kServer, Loop::current().now() + seconds(2));
    EXPECT_EQ(connection.error().code, Errc::kTimedOut);
  }(client_.seams().network));
  simulation_.run_for(seconds(3));
  EXPECT_EQ(open_tasks_, 1);
  // The attempt arrives after all; nobody is left to use the connection, so the server sees it end.
  fabric_.heal_all();
  run_all();
}

Task<void> wait_for_reset(Network& network) {
  auto connection = co_await network.connect(Loop::current(), kServer, kNever);
  EXPECT_TRUE(connection.has_value());
  std::array<uint8_t, 1> byte;
  auto read = co_await (*connection)->read_exactly(byte, kNever);
  EXPECT_EQ(read.error().code, Errc::kClosed);
  EXPECT_EQ((co_await (*connection)->write_all(byte, seconds(1))).error().code, Errc::kClosed);
}

TEST_F(SimNetworkTest, ResetReachesBothEnds) {
  on_server(echo(server_.seams().network));
  simulation_.run_for(milliseconds(1));
  on_client(wait_for_reset(client_.seams().network));
  simulation_.run_for(seconds(1));
  EXPECT_TRUE(fabric_.reset_one("server"));
  run_all();
  EXPECT_FALSE(fabric_.reset_one("server"));
}

TEST_F(SimNetworkTest, PeerOfAKilledProcessOrOfAMachineWithoutPowerIsReset) {
  for (Death how : {Death::kKill, Death::kPowerLoss}) {
    on_server(echo(server_.seams().network));
    simulation_.run_for(milliseconds(1));
    on_client(wait_for_reset(client_.seams().network));
    simulation_.run_for(seconds(1));
    if (how == Death::kKill) {
      server_.kill();
    } else {
      server_.power_off();
    }
    --open_tasks_;  // the echo died with its process
    run_all();
    server_.start(1);
  }
}

TEST_F(SimNetworkTest, MachineWithoutPowerDoesNotAnswerAndAKilledProcessRefuses) {
  server_.power_off();
  on_client([](Network& network) -> Task<void> {
    auto connection = co_await network.connect(Loop::current(), kServer, Loop::current().now() + seconds(5));
    EXPECT_EQ(connection.error().code, Errc::kTimedOut);
  }(client_.seams().network));
  run_all();
  server_.start(1);
  server_.kill();
  on_client([](Network& network) -> Task<void> {
    auto connection = co_await network.connect(Loop::current(), kServer, Loop::current().now() + seconds(5));
    EXPECT_EQ(connection.error().code, Errc::kClosed);
  }(client_.seams().network));
  run_all();
}

TEST_F(SimNetworkTest, DyingProcessSendsNothingMore) {
  on_server(echo(server_.seams().network));
  simulation_.run_for(milliseconds(1));
  auto received = std::make_shared<size_t>(0);
  on_client([](Network& network, std::shared_ptr<size_t> count) -> Task<void> {
    auto connection = co_await network.connect(Loop::current(), kServer, kNever);
    EXPECT_TRUE(co_await (*connection)->write_all(as_bytes("hello"), kMinute));
    std::array<uint8_t, 5> bytes;
    while ((co_await (*connection)->read_exactly(bytes, kNever)).has_value()) *count += bytes.size();
  }(client_.seams().network, received));
  server_.die_at_operation(1, Death::kKill);
  EXPECT_FALSE(server_.disk().open("a", OpenMode::kCreate));
  EXPECT_TRUE(server_.dying());
  simulation_.run_for(seconds(1));
  EXPECT_EQ(*received, 0u);
  server_.bury();
  --open_tasks_;
  run_all();
}

TEST_F(SimNetworkTest, ListeningOnATakenPortOrAForeignAddressFails) {
  server_.loop(0).run_inside([&] {
    Network& network = server_.seams().network;
    auto first = network.listen(server_.loop(0), {"", 9092});
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ((*first)->local(), kServer);
    EXPECT_EQ(network.listen(server_.loop(0), {"127.0.0.1", 9092}).error().code, Errc::kBusy);
    EXPECT_EQ(network.listen(server_.loop(0), {"client", 9092}).error().code, Errc::kInvalidArgument);
    EXPECT_NE((*network.listen(server_.loop(0), {"", 0}))->local().port, 0);
  });
}

}  // namespace
}  // namespace weir::sim
