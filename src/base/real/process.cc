#include "base/real/process.h"

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace weir {

LoopThreads::LoopThreads(size_t count, const Clock& clock) {
  for (size_t i = 0; i < count; ++i) {
    loops_.push_back(std::make_unique<EpollLoop>(ShardId(static_cast<uint32_t>(i)), clock));
    if (i > 0) loops_.back()->set_host(*loops_.front());
  }
  for (const auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
}

LoopThreads::~LoopThreads() {
  join();
  clear();
}

void LoopThreads::join() {
  for (const auto& loop : loops_) loop->stop();
  threads_.clear();
}

void LoopThreads::clear() {
  for (const auto& loop : loops_) loop->clear();
}

std::vector<Loop*> LoopThreads::loops() const {
  std::vector<Loop*> all;
  for (const auto& loop : loops_) all.push_back(loop.get());
  return all;
}

ProcessEvents::ProcessEvents() {
  sigset_t heeded;
  sigemptyset(&heeded);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&heeded, signal);
  ::pthread_sigmask(SIG_BLOCK, &heeded, nullptr);
  // A file at its size limit (ulimit -f) is a full disk, and no reason to die.
  ::signal(SIGXFSZ, SIG_IGN);
  signals_ = ::signalfd(-1, &heeded, SFD_CLOEXEC);
  finish_ = ::eventfd(0, EFD_CLOEXEC);
  CHECK(signals_ >= 0 && finish_ >= 0);
}

ProcessEvents::~ProcessEvents() {
  ::close(signals_);
  ::close(finish_);
}

ProcessEvents::Event ProcessEvents::wait() {
  std::array<pollfd, 2> watched{pollfd{.fd = signals_, .events = POLLIN, .revents = 0},
                                pollfd{.fd = finish_, .events = POLLIN, .revents = 0}};
  while (::poll(watched.data(), watched.size(), -1) <= 0) {
  }
  if ((watched[1].revents & POLLIN) != 0) return Event::kFinish;
  signalfd_siginfo info;
  CHECK(::read(signals_, &info, sizeof info) == sizeof info);
  return info.ssi_signo == SIGHUP ? Event::kReload : Event::kStop;
}

void ProcessEvents::finish() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(finish_, &one, sizeof one);
}

size_t core_count() {
  cpu_set_t cores;
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<size_t>(CPU_COUNT(&cores));
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

size_t raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

}  // namespace weir
