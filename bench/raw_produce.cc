#include "raw_produce.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nmmintrin.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "histogram.h"

namespace weir::bench {
namespace {

// Big-endian, as everything on Kafka's wire.
class Writer {
 public:
  template <typename Int>
  void integer(Int value) {
    for (size_t i = sizeof value; i-- > 0;) bytes_ += static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
  void string(const std::string& text) {
    integer(static_cast<int16_t>(text.size()));
    bytes_ += text;
  }
  void varint(int64_t value) {
    auto rest = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
    for (; rest >= 0x80; rest >>= 7) bytes_ += static_cast<char>(rest | 0x80);
    bytes_ += static_cast<char>(rest);
  }
  void append(const std::string& bytes) { bytes_ += bytes; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

uint32_t crc32c(const std::string& bytes) {
  uint32_t crc = ~0U;
  for (const char byte : bytes) crc = _mm_crc32_u8(crc, static_cast<unsigned char>(byte));
  return ~crc;
}

std::string one_record_batch(size_t record_bytes) {
  Writer record;
  record.integer(int8_t{0});  // Attributes.
  record.varint(0);           // Timestamp delta.
  record.varint(0);           // Offset delta.
  record.varint(-1);          // No key.
  record.varint(static_cast<int64_t>(record_bytes));
  record.append(std::string(record_bytes, 'x'));
  record.varint(0);  // No headers.
  Writer body;       // What the crc covers.
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  const int64_t timestamp_ms = time.tv_sec * 1000;
  body.integer(int16_t{0});  // Attributes.
  body.integer(int32_t{0});  // Last offset delta.
  body.integer(timestamp_ms);
  body.integer(timestamp_ms);
  body.integer(int64_t{-1});  // Producer id.
  body.integer(int16_t{-1});  // Producer epoch.
  body.integer(int32_t{-1});  // Sequence.
  body.integer(int32_t{1});   // Records.
  body.varint(static_cast<int64_t>(record.bytes().size()));
  body.append(record.bytes());
  Writer batch;
  batch.integer(int64_t{0});                                     // Base offset.
  batch.integer(static_cast<int32_t>(body.bytes().size() + 9));  // What follows: leader epoch, magic, crc, body.
  batch.integer(int32_t{-1});                                    // Leader epoch.
  batch.integer(int8_t{2});                                      // Magic.
  batch.integer(static_cast<int32_t>(crc32c(body.bytes())));
  batch.append(body.bytes());
  return batch.bytes();
}

std::string produce_request(const std::string& topic, size_t record_bytes) {
  Writer request;
  request.integer(int16_t{0});  // Produce.
  request.integer(int16_t{8});  // Version.
  request.integer(int32_t{1});  // Correlation id.
  request.string("bench");
  request.integer(int16_t{-1});  // No transactional id.
  request.integer(int16_t{-1});  // Acks: all.
  request.integer(int32_t{30'000});
  request.integer(int32_t{1});  // Topics.
  request.string(topic);
  request.integer(int32_t{1});  // Partitions.
  request.integer(int32_t{0});
  const std::string batch = one_record_batch(record_bytes);
  request.integer(static_cast<int32_t>(batch.size()));
  request.append(batch);
  Writer frame;
  frame.integer(static_cast<int32_t>(request.bytes().size()));
  frame.append(request.bytes());
  return frame.bytes();
}

// A connected socket, or -1.
int connect_to(const std::string& bootstrap) {
  const size_t colon = bootstrap.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(bootstrap.substr(colon + 1))));
  if (inet_pton(AF_INET, bootstrap.substr(0, colon).c_str(), &address.sin_addr) != 1)
    die("no IPv4 address: " + bootstrap);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

bool read_fully(int fd, char* to, size_t size) {
  while (size > 0) {
    const ssize_t got = read(fd, to, size);
    if (got <= 0) return false;
    to += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

constexpr int kConnectionLost = -1000;

// The error code of the partition in the answer, or kConnectionLost.
int round_trip(int fd, const std::string& request, const std::string& topic) {
  if (write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) return kConnectionLost;
  uint32_t size = 0;
  if (!read_fully(fd, reinterpret_cast<char*>(&size), sizeof size)) return kConnectionLost;
  size = ntohl(size);
  char answer[4096];
  // Correlation id, topic count, topic name, partition count, partition index; then the error code.
  const size_t error_at = 4 + 4 + 2 + topic.size() + 4 + 4;
  if (size > sizeof answer || size < error_at + 2 || !read_fully(fd, answer, size)) return kConnectionLost;
  int16_t error = 0;
  std::memcpy(&error, answer + error_at, sizeof error);
  return static_cast<int16_t>(ntohs(static_cast<uint16_t>(error)));
}

}  // namespace

void run_round_trips(const Arguments& arguments) {
  const std::string topic = arguments.text("topic");
  const std::string request = produce_request(topic, static_cast<size_t>(arguments.number("record-bytes", 100)));
  const int fd = connect_to(arguments.text("bootstrap"));
  if (fd < 0) die("nobody listens on " + arguments.text("bootstrap"));
  Histogram latency;
  const int64_t start = now_ns();
  const int64_t end = start + arguments.number("seconds") * 1'000'000'000;
  for (int64_t sent = start; sent < end;) {
    const int error = round_trip(fd, request, topic);
    if (error != 0) die("produce: error " + std::to_string(error));
    const int64_t answered = now_ns();
    latency.add(answered - sent);
    sent = answered;
  }
  const double seconds = static_cast<double>(now_ns() - start) / 1e9;
  std::printf(R"({"records": %lld, "seconds": %.6f, "ack": %s})", static_cast<long long>(latency.count()), seconds,
              latency.json().c_str());
  std::printf("\n");
  close(fd);
}

void run_first_ack(const Arguments& arguments) {
  const std::string topic = arguments.text("topic");
  const std::string request = produce_request(topic, 100);
  const int64_t limit = now_ns() + arguments.number("limit-seconds", 120) * 1'000'000'000;
  for (int fd = -1; now_ns() < limit;) {
    if (fd < 0) fd = connect_to(arguments.text("bootstrap"));
    const int error = fd < 0 ? kConnectionLost : round_trip(fd, request, topic);
    if (error == 0) {
      std::printf(R"({"acknowledged_at_ns": %lld})", static_cast<long long>(now_ns()));
      std::printf("\n");
      return;
    }
    if (error == kConnectionLost && fd >= 0) {
      close(fd);
      fd = -1;
    }
    usleep(200);  // Not yet listening, or not yet the leader of the partition.
  }
  die("no record was acknowledged in time");
}

}  // namespace weir::bench
