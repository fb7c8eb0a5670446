// The floor: what the kernel and the hardware ask for the least that a broker must do. One line of JSON per run.
//
//   recv-crc-write --bytes N --chunk N --file PATH   recv from a loopback socket, crc32c of the chunk, pwrite to a file
//   sendfile --bytes N --chunk N --file PATH         sendfile from the page cache to a loopback socket
//   round-trip --count N                             100 bytes there and back over loopback TCP
//
// Only the thread in the broker's place counts; the other end runs in a thread of its own.
#include <arpa/inet.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <thread>

#include "arguments.h"

namespace weir::bench {
namespace {

struct Pair {
  int broker = -1;
  int client = -1;
};

Pair connected_pair() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, generic, size) != 0 || listen(listener, 1) != 0 || getsockname(listener, generic, &size) != 0) {
    die("cannot listen");
  }
  Pair pair{.client = socket(AF_INET, SOCK_STREAM, 0)};
  if (connect(pair.client, generic, size) != 0) die("cannot connect");
  pair.broker = accept(listener, nullptr, nullptr);
  const int on = 1;
  setsockopt(pair.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(pair.broker, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  close(listener);
  return pair;
}

double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void print_per_gib(double cpu_seconds, int64_t bytes) {
  std::printf(R"({"cpu_s_per_gib": %.4f})", cpu_seconds / static_cast<double>(bytes) * (1 << 30));
  std::printf("\n");
}

void recv_crc_write(const Arguments& arguments) {
  const int64_t bytes = arguments.number("bytes");
  const auto chunk = static_cast<size_t>(arguments.number("chunk"));
  const int file = open(arguments.text("file").c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  if (file < 0) die("cannot open " + arguments.text("file"));
  const Pair pair = connected_pair();
  std::jthread sender([&] {
    const std::vector<char> data(chunk, 'x');
    for (int64_t left = bytes; left > 0;) {
      const ssize_t sent = send(pair.client, data.data(), std::min<size_t>(chunk, static_cast<size_t>(left)), 0);
      if (sent <= 0) die("send failed");
      left -= sent;
    }
  });
  std::vector<unsigned char> data(chunk);
  unsigned crc = 0;
  const double start = thread_cpu_seconds();
  for (int64_t at = 0; at < bytes;) {
    const size_t wanted = std::min<size_t>(chunk, static_cast<size_t>(bytes - at));
    // A broker takes what the socket has and reads on; waiting for a whole chunk in one call would save it wake-ups.
    for (size_t have = 0; have < wanted;) {
      const ssize_t got = recv(pair.broker, data.data() + have, wanted - have, 0);
      if (got <= 0) die("recv failed");
      have += static_cast<size_t>(got);
    }
    crc ^= crc32_iscsi(data.data(), static_cast<int>(wanted), ~0U);
    if (pwrite(file, data.data(), wanted, at) != static_cast<ssize_t>(wanted)) die("pwrite failed");
    at += static_cast<int64_t>(wanted);
  }
  const double cpu = thread_cpu_seconds() - start;
  if (crc == 1) std::fprintf(stderr, "\n");  // The checksum is used, or the compiler drops it.
  print_per_gib(cpu, bytes);
  unlink(arguments.text("file").c_str());
}

void send_file(const Arguments& arguments) {
  const int64_t bytes = arguments.number("bytes");
  const auto chunk = static_cast<size_t>(arguments.number("chunk"));
  constexpr size_t kFileBytes = 256 << 20;  // Stays in the page cache, and is sent again and again.
  const int file = open(arguments.text("file").c_str(), O_CREAT | O_TRUNC | O_RDWR, 0600);
  const std::vector<char> data(1 << 20, 'x');
  for (size_t at = 0; at < kFileBytes; at += data.size()) {
    if (file < 0 || pwrite(file, data.data(), data.size(), static_cast<off_t>(at)) < 0) die("cannot write the file");
  }
  const Pair pair = connected_pair();
  std::jthread receiver([&] {
    std::vector<char> buffer(1 << 20);
    for (int64_t left = bytes; left > 0;) {
      const ssize_t got = recv(pair.client, buffer.data(), buffer.size(), 0);
      if (got <= 0) die("recv failed");
      left -= got;
    }
  });
  const double start = thread_cpu_seconds();
  for (int64_t sent = 0; sent < bytes;) {
    auto offset = static_cast<off_t>(static_cast<size_t>(sent) % kFileBytes);
    const ssize_t got =
        sendfile(pair.broker, file, &offset, std::min<size_t>(chunk, static_cast<size_t>(bytes - sent)));
    if (got <= 0) die("sendfile failed");
    sent += got;
  }
  print_per_gib(thread_cpu_seconds() - start, bytes);
  unlink(arguments.text("file").c_str());
}

void round_trip(const Arguments& arguments) {
  const int64_t count = arguments.number("count");
  const Pair pair = connected_pair();
  constexpr size_t kSize = 100;
  double broker_cpu = 0;
  std::jthread broker([&] {
    char data[kSize];
    const double start = thread_cpu_seconds();
    for (int64_t i = 0; i < count; ++i) {
      if (recv(pair.broker, data, kSize, MSG_WAITALL) != kSize || send(pair.broker, data, kSize, 0) != kSize)
        die("lost");
    }
    broker_cpu = thread_cpu_seconds() - start;
  });
  const int64_t start = now_ns();
  char data[kSize] = {};
  for (int64_t i = 0; i < count; ++i) {
    if (send(pair.client, data, kSize, 0) != kSize || recv(pair.client, data, kSize, MSG_WAITALL) != kSize) die("lost");
  }
  const double micros = static_cast<double>(now_ns() - start) / 1000 / static_cast<double>(count);
  broker.join();
  std::printf(R"({"us": %.2f, "cpu_us": %.2f})", micros, broker_cpu * 1e6 / static_cast<double>(count));
  std::printf("\n");
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  using namespace weir::bench;
  const Arguments arguments(argc, argv);
  const std::map<std::string, void (*)(const Arguments&)> modes = {
      {"recv-crc-write", recv_crc_write}, {"sendfile", send_file}, {"round-trip", round_trip}};
  const auto mode = modes.find(arguments.mode());
  if (mode == modes.end()) die("unknown mode " + arguments.mode(), 2);
  mode->second(arguments);
  return 0;
}
