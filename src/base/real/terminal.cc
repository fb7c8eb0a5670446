#include "base/real/terminal.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace weir {

Interrupts::Interrupts(EpollLoop& loop, std::initializer_list<int> signals) : loop_(loop) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  descriptor_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  CHECK(descriptor_ >= 0, "signalfd: {}", std::strerror(errno));
  loop_.watch(descriptor_, *this);
}

Interrupts::~Interrupts() {
  loop_.unwatch(descriptor_, *this);
  ::close(descriptor_);
}

void Interrupts::on_events(uint32_t) {
  signalfd_siginfo info;
  while (::read(descriptor_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    ++count_;
    last_ = static_cast<int>(info.ssi_signo);
  }
  arrived_.notify_all();
}

Result<size_t> read_standard_input(MutableBytes into) {
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, into.data(), into.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) return fail(Errc::kIo, std::string("cannot read the standard input: ") + std::strerror(errno));
  }
}

}  // namespace weir
