#include "base/real/posix_network.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weir {
namespace {

constexpr int kBacklog = 4096;
// Parts of one sendmsg; an answer has few more than one part for each partition it carries.
constexpr size_t kPartsPerSend = 64;

// A descriptor that is closed by its owner's end.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

Endpoint endpoint_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof v6);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return {text.data(), ntohs(v6.sin6_port)};
  }
  sockaddr_in v4;
  std::memcpy(&v4, &address, sizeof v4);
  ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
  return {text.data(), ntohs(v4.sin_port)};
}

Endpoint local_endpoint(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return endpoint_of(address);
}

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Blocks on the resolver for names; an empty host is every address of the machine.
Result<Address> resolve(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint.port);
  const int error =
      ::getaddrinfo(endpoint.host.empty() ? nullptr : endpoint.host.c_str(), port.c_str(), &hints, &found);
  if (error != 0)
    return fail(Errc::kNotFound, fmt::format("cannot resolve {}: {}", endpoint.host, ::gai_strerror(error)));
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return address;
}

std::unexpected<Error> failed(std::string_view action, const Endpoint& endpoint, int error_number = errno) {
  Errc code = Errc::kIo;
  if (error_number == EADDRINUSE) code = Errc::kBusy;
  if (error_number == EADDRNOTAVAIL || error_number == EACCES) code = Errc::kInvalidArgument;
  if (error_number == ECONNREFUSED || error_number == ECONNRESET || error_number == EPIPE) code = Errc::kClosed;
  if (error_number == ETIMEDOUT) code = Errc::kTimedOut;
  if (error_number == EAGAIN || error_number == EWOULDBLOCK) return std::unexpected(Error{Errc::kWouldBlock, {}});
  return fail(code, fmt::format("cannot {} {}: {}", action, endpoint.to_string(), std::strerror(error_number)));
}

class PosixConnection final : public Connection, private EpollLoop::Watcher {
 public:
  PosixConnection(EpollLoop& loop, Descriptor socket, Endpoint peer)
      : loop_(loop), socket_(std::move(socket)), peer_(std::move(peer)), local_(local_endpoint(socket_.get())) {
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    loop_.watch(socket_.get(), *this);
  }
  PosixConnection(const PosixConnection&) = delete;
  PosixConnection& operator=(const PosixConnection&) = delete;
  ~PosixConnection() { loop_.unwatch(socket_.get(), *this); }

  Result<size_t> read_now(MutableBytes into) override {
    if (closed_) return fail(Errc::kClosed, peer_.to_string() + ": closed on this side");
    for (;;) {
      const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        if (errno == EAGAIN) may_read_ = false;
        return failed("read from", peer_);
      }
      // A short read has emptied the socket: what comes later, also the end of the stream, is a new edge.
      if (static_cast<size_t>(got) < into.size() && !peer_ended_) may_read_ = false;
      return static_cast<size_t>(got);
    }
  }

  Wait readable(MonotonicTime deadline) override {
    return may_read_ || closed_ ? Wait::none(readers_) : readers_.wait_until(deadline);
  }

  Result<size_t> write_now(std::span<const OutSegment> segments, size_t skip) override;

  Wait writable(MonotonicTime deadline) override {
    return may_write_ || closed_ ? Wait::none(writers_) : writers_.wait_until(deadline);
  }

  void close() override {
    if (closed_) return;
    closed_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
    readers_.notify_all();
    writers_.notify_all();
  }

  [[nodiscard]] const Endpoint& peer() const override { return peer_; }
  [[nodiscard]] const Endpoint& local() const override { return local_; }

  // After a non-blocking connect: the outcome, once writable.
  [[nodiscard]] Result<> connected() {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return failed("connect to", peer_, error);
    local_ = local_endpoint(socket_.get());
    return {};
  }
  void expect_connect() { may_write_ = false; }

 private:
  void on_events(uint32_t events) override {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_ended_ = true;
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
      may_read_ = true;
      readers_.notify_all();
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
      may_write_ = true;
      writers_.notify_all();
    }
  }
  Result<size_t> send_memory(std::span<const OutSegment> segments, size_t skip);
  Result<size_t> send_file(const FileRegion& region, size_t skip);

  EpollLoop& loop_;
  Descriptor socket_;
  Endpoint peer_;
  Endpoint local_;
  bool may_read_ = true;
  bool may_write_ = true;
  bool peer_ended_ = false;
  bool closed_ = false;
  WaitList readers_;
  WaitList writers_;
};

Result<size_t> PosixConnection::write_now(std::span<const OutSegment> segments, size_t skip) {
  if (closed_) return fail(Errc::kClosed, peer_.to_string() + ": closed on this side");
  size_t first = 0;
  for (; first < segments.size(); ++first) {
    const auto* region = std::get_if<FileRegion>(&segments[first]);
    const size_t size = region != nullptr ? region->length : std::get<SharedBytes>(segments[first]).bytes.size();
    if (skip < size) break;
    skip -= size;
  }
  CHECK(first < segments.size(), "nothing left to write");
  const auto* region = std::get_if<FileRegion>(&segments[first]);
  Result<size_t> sent = region != nullptr ? send_file(*region, skip) : send_memory(segments.subspan(first), skip);
  if (!sent && sent.error().code == Errc::kWouldBlock) may_write_ = false;
  return sent;
}

Result<size_t> PosixConnection::send_memory(std::span<const OutSegment> segments, size_t skip) {
  std::array<iovec, kPartsPerSend> parts;
  size_t count = 0;
  bool more = false;  // file bytes follow: let the kernel fill the packet
  for (const OutSegment& segment : segments) {
    const auto* shared = std::get_if<SharedBytes>(&segment);
    if (shared == nullptr || count == parts.size()) {
      more = true;
      break;
    }
    const ByteView bytes = shared->bytes.subspan(skip);
    skip = 0;
    parts[count++] = {.iov_base = const_cast<uint8_t*>(bytes.data()), .iov_len = bytes.size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (sent >= 0) return static_cast<size_t>(sent);
    if (errno != EINTR) return failed("write to", peer_);
  }
}

Result<size_t> PosixConnection::send_file(const FileRegion& region, size_t skip) {
  auto position = static_cast<off_t>(region.position + skip);
  for (;;) {
    const ssize_t sent = ::sendfile(socket_.get(), region.file->descriptor(), &position, region.length - skip);
    if (sent > 0) return static_cast<size_t>(sent);
    // The file was cut under a reader. The answer's length is out already, so only closing tells the peer.
    if (sent == 0)
      return fail(Errc::kClosed, peer_.to_string() + ": a file ended before the bytes that were promised of it");
    if (errno != EINTR) return failed("write to", peer_);
  }
}

class PosixAccepted final : public Accepted {
 public:
  PosixAccepted(Descriptor socket, Endpoint peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}
  std::unique_ptr<Connection> attach(Loop& loop) override {
    return std::make_unique<PosixConnection>(dynamic_cast<EpollLoop&>(loop), std::move(socket_), peer_);
  }
  [[nodiscard]] const Endpoint& peer() const override { return peer_; }

 private:
  Descriptor socket_;
  Endpoint peer_;
};

class PosixListener final : public Listener, private EpollLoop::Watcher {
 public:
  PosixListener(EpollLoop& loop, Descriptor socket)
      : loop_(loop), socket_(std::move(socket)), local_(local_endpoint(socket_.get())) {
    loop_.watch(socket_.get(), *this);
  }
  PosixListener(const PosixListener&) = delete;
  PosixListener& operator=(const PosixListener&) = delete;
  ~PosixListener() { loop_.unwatch(socket_.get(), *this); }

  Task<Result<std::unique_ptr<Accepted>>> accept() override {
    for (;;) {
      if (closed_) co_return fail(Errc::kClosed, "the listener on " + local_.to_string() + " is closed");
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      Descriptor socket(
          ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.get() >= 0) co_return std::make_unique<PosixAccepted>(std::move(socket), endpoint_of(address));
      if (errno == EAGAIN) {
        co_await incoming_.wait();
      } else if (errno != EINTR && errno != ECONNABORTED) {
        co_return failed("accept on", local_);
      }
    }
  }

  void close() override {
    closed_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
    incoming_.notify_all();
  }
  [[nodiscard]] const Endpoint& local() const override { return local_; }

 private:
  void on_events(uint32_t) override { incoming_.notify_all(); }

  EpollLoop& loop_;
  Descriptor socket_;
  Endpoint local_;
  bool closed_ = false;
  WaitList incoming_;
};

}  // namespace

Result<std::unique_ptr<Listener>> PosixNetwork::listen(Loop& loop, const Endpoint& endpoint) {
  TRY_ASSIGN(Address address, resolve(endpoint));
  Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return failed("open a socket for", endpoint);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), address.get(), address.length) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    return failed("listen on", endpoint);
  }
  return std::make_unique<PosixListener>(dynamic_cast<EpollLoop&>(loop), std::move(socket));
}

Task<Result<std::unique_ptr<Connection>>> PosixNetwork::connect(Loop& loop, Endpoint endpoint, MonotonicTime deadline) {
  CO_TRY_ASSIGN(Address address, co_await resolver_threads_.run([endpoint] { return resolve(endpoint); }));
  Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) co_return failed("open a socket for", endpoint);
  const bool pending = ::connect(socket.get(), address.get(), address.length) != 0;
  if (pending && errno != EINPROGRESS) co_return failed("connect to", endpoint);
  auto connection = std::make_unique<PosixConnection>(dynamic_cast<EpollLoop&>(loop), std::move(socket), endpoint);
  if (pending) {
    connection->expect_connect();
    if (!co_await connection->writable(deadline))
      co_return fail(Errc::kTimedOut, "no connection to " + endpoint.to_string());
  }
  CO_TRY(connection->connected());
  co_return connection;
}

}  // namespace weir
