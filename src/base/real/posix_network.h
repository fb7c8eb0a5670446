// TCP sockets on EpollLoops.
#pragma once

#include "base/real/epoll_loop.h"
#include "base/seams.h"

namespace weir {

// Every loop passed in must be an EpollLoop. Names are resolved on a disk thread: the resolver blocks.
class PosixNetwork final : public Network {
 public:
  explicit PosixNetwork(DiskThreads& resolver_threads) : resolver_threads_(resolver_threads) {}
  Result<std::unique_ptr<Listener>> listen(Loop& loop, const Endpoint& endpoint) override;
  Task<Result<std::unique_ptr<Connection>>> connect(Loop& loop, Endpoint endpoint, MonotonicTime deadline) override;

 private:
  DiskThreads& resolver_threads_;
};

}  // namespace weir
