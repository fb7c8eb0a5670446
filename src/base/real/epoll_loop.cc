#include "base/real/epoll_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

// Enough for every connection that a busy shard serves between two waits; more are handed out by the next wait.
constexpr size_t kEventsPerWait = 256;

}  // namespace

EpollLoop::EpollLoop(ShardId shard, const Clock& clock) : Loop(shard), clock_(clock), now_(clock.monotonic()) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_up_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(epoll_ >= 0 && wake_up_ >= 0, "no descriptors for an event loop: {}", std::strerror(errno));
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_up_, &event) == 0);
}

EpollLoop::~EpollLoop() {
  clear();
  ::close(wake_up_);
  ::close(epoll_);
}

void EpollLoop::stop() {
  stopping_.store(true);
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_up_, &one, sizeof one);
}

void EpollLoop::post(Work work) {
  {
    std::lock_guard lock(inbox_mutex_);
    inbox_.push_back(std::move(work));
  }
  if (sleeping_.exchange(false)) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake_up_, &one, sizeof one);
  }
}

void EpollLoop::watch(int descriptor, Watcher& watcher) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &watcher}};
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0, "epoll_ctl: {}", std::strerror(errno));
}

void EpollLoop::unwatch(int descriptor, Watcher& watcher) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  unwatched_.push_back(&watcher);
}

void EpollLoop::run() {
  Scope scope(*this);
  while (!stopping_.load(std::memory_order_relaxed)) {
    wait_for_events();
    run_inbox();
    timers().expire(now_);
    run_ready();
  }
}

void EpollLoop::run_inbox() {
  {
    std::lock_guard lock(inbox_mutex_);
    processing_.swap(inbox_);
  }
  for (Work& work : processing_) work();
  processing_.clear();
}

void EpollLoop::wait_for_events() {
  bool idle = !has_ready();
  if (idle) {
    // Announce the sleep before the last look at the inbox: a poster either sees the announcement or is seen here.
    sleeping_.store(true);
    std::lock_guard lock(inbox_mutex_);
    idle = inbox_.empty();
  }
  timespec timeout{};
  const timespec* wait = &timeout;
  if (idle) {
    if (timers().next_deadline() == kNever) {
      wait = nullptr;
    } else {
      const auto left = std::max(timers().next_deadline() - clock_.monotonic(), Duration::zero());
      timeout = {.tv_sec = static_cast<time_t>(left / seconds(1)), .tv_nsec = (left % seconds(1)).count()};
    }
  }
  std::array<epoll_event, kEventsPerWait> events;
  const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), wait, nullptr);
  sleeping_.store(false, std::memory_order_relaxed);
  now_ = clock_.monotonic();
  unwatched_.clear();
  for (int i = 0; i < count; ++i) {
    auto* watcher = static_cast<Watcher*>(events[static_cast<size_t>(i)].data.ptr);
    if (watcher == nullptr) {
      uint64_t wake_ups;
      [[maybe_unused]] const ssize_t got = ::read(wake_up_, &wake_ups, sizeof wake_ups);
    } else if (std::ranges::find(unwatched_, watcher) == unwatched_.end()) {
      watcher->on_events(events[static_cast<size_t>(i)].events);
    }
  }
}

}  // namespace weir
