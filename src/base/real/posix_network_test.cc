#include "base/real/posix_network.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/real/posix_disk.h"
#include "base/test_loop.h"

namespace weir {
namespace {

Task<void> echo_once(Listener& listener) {
  auto accepted = co_await listener.accept();
  auto connection = (*accepted)->attach(Loop::current());
  std::array<uint8_t, 5> bytes;
  EXPECT_TRUE(co_await connection->read_exactly(bytes, kNever));
  EXPECT_TRUE(co_await connection->write_all(bytes, seconds(5)));
  EXPECT_EQ((co_await connection->read_exactly(bytes, kNever)).error().code, Errc::kClosed);
}

Task<void> talk_to_echo(Network& network, Loop& loop) {
  auto listener = network.listen(loop, {"127.0.0.1", 0});
  EXPECT_TRUE(listener.has_value());
  loop.spawn(echo_once(**listener));
  auto connection = co_await network.connect(loop, (*listener)->local(), kNever);
  EXPECT_TRUE(connection.has_value());
  EXPECT_TRUE(co_await (*connection)->write_all(as_bytes("hello"), seconds(5)));
  std::array<uint8_t, 5> bytes;
  EXPECT_TRUE(co_await (*connection)->read_exactly(bytes, kNever));
  EXPECT_EQ(as_text(bytes), "hello");
}

TEST_F(LoopTest, ConnectionCarriesBytesBothWaysAndReportsItsEnd) { run(talk_to_echo(network_, loop_)); }

TEST_F(LoopTest, ConnectingToAClosedPortIsRefused) {
  auto attempt = [](Network& network, Loop& loop) -> Task<void> {
    Endpoint closed;
    {
      auto listener = network.listen(loop, {"127.0.0.1", 0});
      closed = (*listener)->local();
    }
    auto connection = co_await network.connect(loop, closed, kNever);
    EXPECT_EQ(connection.error().code, Errc::kClosed);
  };
  run(attempt(network_, loop_));
}

// Both ends of a connection, on the loop that runs.
struct Pair {
  std::unique_ptr<Connection> client;
  std::unique_ptr<Connection> server;
};

Task<Pair> connect_pair(Network& network, Loop& loop) {
  auto listener = network.listen(loop, {"127.0.0.1", 0});
  auto client = co_await network.connect(loop, (*listener)->local(), loop.now() + seconds(60));
  auto accepted = co_await (*listener)->accept();
  co_return Pair{std::move(*client), (*accepted)->attach(loop)};
}

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

Task<void> send_segments(Connection& connection, std::span<const OutSegment> segments) {
  EXPECT_TRUE(co_await connection.write_all(segments, seconds(60)));
  connection.close();
}

// Reads to the end of the stream in pieces of `piece` bytes.
Task<std::string> receive_all(Connection& connection, size_t piece) {
  std::string received;
  std::vector<uint8_t> bytes(piece);
  for (;;) {
    auto got = connection.read_now(bytes);
    if (got && *got == 0) co_return received;
    if (got) {
      received.append(as_text(ByteView(bytes).first(*got)));
    } else if (got.error().code == Errc::kWouldBlock) {
      co_await connection.readable(kNever);
    } else {
      ADD_FAILURE() << got.error().message;
      co_return received;
    }
  }
}

TEST_F(LoopTest, MoreThanTheSocketBuffersHoldArrivesWholeAndInOrder) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    Pair pair = co_await connect_pair(network, loop);
    const std::string text = pattern(20'000'000);
    // Many parts, more than one sendmsg takes, of all sizes.
    std::vector<OutSegment> segments;
    ByteView left = as_bytes(text);
    for (size_t size = 1; !left.empty(); size = size % 300'000 * 3 + 1) {
      segments.emplace_back(SharedBytes{{}, left.first(std::min(size, left.size()))});
      left = left.subspan(std::min(size, left.size()));
    }
    loop.spawn(send_segments(*pair.client, segments));
    const std::string received = co_await receive_all(*pair.server, 64 * 1024);
    EXPECT_TRUE(received == text);
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, FileRegionsGoOutBetweenBytesOfMemory) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    PosixDisk disk;
    const std::string path = ::testing::TempDir() + "region_" + std::to_string(::getpid());
    const std::string text = pattern(3'000'000);
    auto file = disk.open(path, OpenMode::kTruncate);
    EXPECT_TRUE((*file)->write_at(0, as_bytes(text)));
    Pair pair = co_await connect_pair(network, loop);
    const std::vector<OutSegment> segments = {SharedBytes{{}, as_bytes("head")}, FileRegion{*file, 1000, 2'500'000},
                                              SharedBytes{{}, as_bytes("mid")}, FileRegion{*file, 0, 10},
                                              SharedBytes{{}, as_bytes("tail")}};
    loop.spawn(send_segments(*pair.client, segments));
    const std::string received = co_await receive_all(*pair.server, 10'000);
    EXPECT_TRUE(received == "head" + text.substr(1000, 2'500'000) + "mid" + text.substr(0, 10) + "tail");
    EXPECT_TRUE(disk.remove(path));
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, FileThatEndsBeforeWhatWasPromisedClosesTheConnection) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    PosixDisk disk;
    const std::string path = ::testing::TempDir() + "short_" + std::to_string(::getpid());
    auto file = disk.open(path, OpenMode::kTruncate);
    EXPECT_TRUE((*file)->write_at(0, as_bytes("12345")));
    Pair pair = co_await connect_pair(network, loop);
    const std::vector<OutSegment> segments = {FileRegion{*file, 0, 10}};
    const Result<> sent = co_await pair.client->write_all(segments, seconds(60));
    EXPECT_EQ(sent.error().code, Errc::kClosed);
    EXPECT_TRUE(disk.remove(path));
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, PeerThatDoesNotReadTimesTheWriterOut) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    Pair pair = co_await connect_pair(network, loop);
    const std::string text(64 << 20, 'x');
    const Result<> sent = co_await pair.client->write_all(as_bytes(text), milliseconds(20));
    EXPECT_EQ(sent.error().code, Errc::kTimedOut);
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, PeerThatSendsNothingTimesTheReaderOut) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    Pair pair = co_await connect_pair(network, loop);
    std::array<uint8_t, 1> byte;
    const Result<> read = co_await pair.client->read_exactly(byte, loop.now() + milliseconds(1));
    EXPECT_EQ(read.error().code, Errc::kTimedOut);
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, ClosingWakesWhoWaitsOnThisSideAndEndsTheStreamOnTheOther) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    Pair pair = co_await connect_pair(network, loop);
    loop.spawn([](Connection& connection) -> Task<void> {
      co_await sleep_for(milliseconds(1));
      connection.close();
      connection.close();
    }(*pair.client));
    std::array<uint8_t, 1> byte;
    EXPECT_EQ((co_await pair.client->read_exactly(byte, kNever)).error().code, Errc::kClosed);
    EXPECT_EQ((co_await pair.server->read_exactly(byte, kNever)).error().code, Errc::kClosed);
    EXPECT_EQ(pair.client->write_now(std::vector<OutSegment>{SharedBytes{{}, byte}}, 0).error().code, Errc::kClosed);
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, WritingToAPeerThatWentAwayFails) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    Pair pair = co_await connect_pair(network, loop);
    pair.server.reset();
    const std::string text(64 << 20, 'x');
    EXPECT_EQ((co_await pair.client->write_all(as_bytes(text), seconds(60))).error().code, Errc::kClosed);
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, SendingAFileToAPeerThatWentAwayFailsWithoutASignal) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    PosixDisk disk;
    const std::string path = ::testing::TempDir() + "unread_" + std::to_string(::getpid());
    auto file = disk.open(path, OpenMode::kTruncate);
    EXPECT_TRUE((*file)->write_at(0, as_bytes("12345")));
    Pair pair = co_await connect_pair(network, loop);
    pair.server.reset();
    const std::vector<OutSegment> segments = {FileRegion{*file, 0, 5}};
    Result<> sent;
    // The first bytes that meet the closed socket are answered by a reset, behind which nothing can be sent.
    while (sent) sent = co_await pair.client->write_all(segments, seconds(60));
    EXPECT_EQ(sent.error().code, Errc::kClosed);
    EXPECT_TRUE(disk.remove(path));
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, ListenerThatIsClosedEndsItsAcceptAndRefuses) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    auto listener = network.listen(loop, {"127.0.0.1", 0});
    loop.spawn([](Listener& open) -> Task<void> {
      co_await sleep_for(milliseconds(1));
      open.close();
    }(**listener));
    EXPECT_EQ((co_await (*listener)->accept()).error().code, Errc::kClosed);
    EXPECT_EQ((co_await (*listener)->accept()).error().code, Errc::kClosed);
    auto late = co_await network.connect(loop, (*listener)->local(), loop.now() + seconds(60));
    EXPECT_EQ(late.error().code, Errc::kClosed);
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, ListeningOnATakenPortAForeignAddressOrAnUnknownNameFails) {
  auto first = network_.listen(loop_, {"127.0.0.1", 0});
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(network_.listen(loop_, (*first)->local()).error().code, Errc::kBusy);
  EXPECT_EQ(network_.listen(loop_, {"192.0.2.1", 0}).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(network_.listen(loop_, {"no such name", 0}).error().code, Errc::kNotFound);
}

TEST_F(LoopTest, ConnectingToAnUnknownNameFails) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    auto connection = co_await network.connect(loop, {"no such name", 9092}, loop.now() + seconds(60));
    EXPECT_EQ(connection.error().code, Errc::kNotFound);
  };
  run(scenario(network_, loop_));
}

TEST_F(LoopTest, ManyConnectionsAreServedAtOnce) {
  auto scenario = [](Network& network, Loop& loop) -> Task<void> {
    std::vector<Pair> pairs;
    for (int i = 0; i < 100; ++i) pairs.push_back(co_await connect_pair(network, loop));
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto number = static_cast<uint8_t>(i);
      EXPECT_TRUE(co_await pairs[i].client->write_all(ByteView(&number, 1), seconds(60)));
    }
    for (size_t i = pairs.size(); i-- > 0;) {
      std::array<uint8_t, 1> byte;
      EXPECT_TRUE(co_await pairs[i].server->read_exactly(byte, loop.now() + seconds(60)));
      EXPECT_EQ(byte[0], i);
    }
  };
  run(scenario(network_, loop_));
}

}  // namespace
}  // namespace weir
