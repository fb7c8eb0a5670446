// The inside of the simulated network: one connection's two pipes, and the two ends that programs hold.
#pragma once

#include "sim/network.h"

namespace weir::sim {

// The bytes of one direction.
struct Pipe {
  ByteVector arrived;
  size_t read = 0;       // bytes of `arrived` that were taken
  size_t under_way = 0;  // bytes written that did not arrive
  bool end_sent = false;
  bool end_arrived = false;
  Duration last_arrival{0};  // when the latest delivery comes, so that none overtakes it

  [[nodiscard]] size_t unread() const { return arrived.size() - read; }
};

struct Stream : std::enable_shared_from_this<Stream> {
  Stream(Fabric& joined, Endpoint client, Endpoint server, size_t buffer);

  void send(int side, ByteVector bytes);
  void send_end(int side);
  // The end `side` is closed by its program.
  void close(int side);
  // The end `side` learns that the connection is broken.
  void break_end(int side);
  void send_reset(int side);
  [[nodiscard]] size_t room(int side) const;
  [[nodiscard]] const Endpoint& peer_of(int side) const { return endpoints[static_cast<size_t>(1 - side)]; }
  Pipe& from(int side) { return pipes[static_cast<size_t>(side)]; }
  Pipe& to(int side) { return pipes[static_cast<size_t>(1 - side)]; }

  Fabric& fabric;
  size_t capacity;
  // Index 0 is the client's side, 1 the server's; pipes[i] is what side i sends.
  std::array<Endpoint, 2> endpoints;
  std::array<Pipe, 2> pipes;
  std::array<SimConnection*, 2> ends{};
  std::array<bool, 2> closed{};
  std::array<bool, 2> broken{};

 private:
  void deliver(int side, Work arrive);
};

class SimConnection final : public Connection {
 public:
  SimConnection(std::shared_ptr<Stream> stream, int side);
  SimConnection(const SimConnection&) = delete;
  SimConnection& operator=(const SimConnection&) = delete;
  ~SimConnection() override;

  Result<size_t> read_now(MutableBytes into) override;
  Wait readable(MonotonicTime deadline) override;
  Result<size_t> write_now(std::span<const OutSegment> segments, size_t skip) override;
  Wait writable(MonotonicTime deadline) override;
  void close() override;
  [[nodiscard]] const Endpoint& peer() const override { return stream_->peer_of(side_); }
  [[nodiscard]] const Endpoint& local() const override { return stream_->endpoints[static_cast<size_t>(side_)]; }

  void notify_readers() { readers_.notify_all(); }
  void notify_writers() { writers_.notify_all(); }

 private:
  [[nodiscard]] bool over() const;

  std::shared_ptr<Stream> stream_;
  int side_;
  WaitList readers_;
  WaitList writers_;
};

// One end of a stream that no loop owns yet.
class SimAccepted final : public Accepted {
 public:
  SimAccepted(std::shared_ptr<Stream> stream, int side) : stream_(std::move(stream)), side_(side) {}
  SimAccepted(const SimAccepted&) = delete;
  SimAccepted& operator=(const SimAccepted&) = delete;
  ~SimAccepted() override {
    if (stream_) stream_->close(side_);
  }
  std::unique_ptr<Connection> attach(Loop&) override {
    return std::make_unique<SimConnection>(std::move(stream_), side_);
  }
  [[nodiscard]] const Endpoint& peer() const override { return stream_->peer_of(side_); }

 private:
  std::shared_ptr<Stream> stream_;
  int side_;
};

class SimListener final : public Listener {
 public:
  SimListener(Fabric& fabric, Endpoint local);
  SimListener(const SimListener&) = delete;
  SimListener& operator=(const SimListener&) = delete;
  ~SimListener() override;

  Task<Result<std::unique_ptr<Accepted>>> accept() override;
  void close() override;
  [[nodiscard]] const Endpoint& local() const override { return local_; }
  void arrive(std::shared_ptr<Stream> stream);

 private:
  Fabric& fabric_;
  Endpoint local_;
  bool closed_ = false;
  std::deque<std::unique_ptr<Accepted>> waiting_;
  WaitList incoming_;
};

}  // namespace weir::sim
