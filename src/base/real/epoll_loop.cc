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
// Turns of a loop that wants to sleep, or of a borrowed one, before descriptors are looked at again: work that goes to
// and fro between two loops ends well within it, and nothing on a descriptor waits long for it.
constexpr int kTurnsMax = 8;
// A loop that slept for less than an eighth of such a window wakes other loops rather than work for them.
constexpr Duration kWindow = milliseconds(10);
constexpr int kSleepShareMin = 8;
// The key of wake_up_; watchers have their slot and its generation.
constexpr uint64_t kWakeUpKey = ~uint64_t{0};

// The loop whose thread this is.
thread_local EpollLoop* own_loop = nullptr;

}  // namespace

EpollLoop::EpollLoop(ShardId shard, const Clock& clock)
    : Loop(shard), clock_(clock), now_(clock.monotonic()), window_began_(now_) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_up_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  CHECK(epoll_ >= 0 && wake_up_ >= 0, "no descriptors for an event loop: {}", std::strerror(errno));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWakeUpKey}};
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
  // Whoever runs this loop looks into the inbox before letting go of it, so only a sleeping one needs anything.
  if (state_.load() != State::kAsleep) return;
  if (own_loop == nullptr || own_loop == this) {
    wake_thread();
  } else if (std::ranges::find(own_loop->to_borrow_, this) == own_loop->to_borrow_.end()) {
    own_loop->to_borrow_.push_back(this);
  }
}

void EpollLoop::wake_thread() {
  if (woken_.exchange(true)) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_up_, &one, sizeof one);
}

void EpollLoop::watch(int descriptor, Watcher& watcher) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  watcher.slot_ = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[watcher.slot_];
  slot.watcher = &watcher;
  const uint64_t key = uint64_t{slot.generation} << 32 | watcher.slot_;
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = key}};
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0, "epoll_ctl: {}", std::strerror(errno));
}

void EpollLoop::unwatch(int descriptor, Watcher& watcher) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  Slot& slot = slots_[watcher.slot_];
  slot.watcher = nullptr;
  ++slot.generation;
  free_slots_.push_back(watcher.slot_);
}

void EpollLoop::deliver(uint64_t key, uint32_t events) {
  const Slot& slot = slots_[static_cast<uint32_t>(key)];
  if (slot.watcher != nullptr && slot.generation == key >> 32) slot.watcher->on_events(events);
}

void EpollLoop::run() {
  own_loop = this;
  {
    Scope scope(*this);
    while (!stopping_.load(std::memory_order_relaxed)) {
      wait_for_events();
      // Answers of borrowed loops are there already when those have run.
      for (int turn = 0; turn < kTurnsMax; ++turn) {
        take_turn();
        run_borrowed_loops();
        if (has_ready() || inbox_empty()) break;
      }
    }
  }
  for (EpollLoop* loop : to_borrow_) loop->wake_thread();
  own_loop = nullptr;
}

void EpollLoop::take_turn() {
  run_inbox();
  timers().expire(now_);
  run_ready();
}

void EpollLoop::run_inbox() {
  {
    std::lock_guard lock(inbox_mutex_);
    processing_.swap(inbox_);
  }
  for (Work& work : processing_) work();
  processing_.clear();
}

bool EpollLoop::inbox_empty() {
  std::lock_guard lock(inbox_mutex_);
  return inbox_.empty();
}

bool EpollLoop::fall_asleep() {
  sleeps_until_ = timers().next_deadline();
  // Announced before the last look into the inbox: a poster either sees the announcement or is seen here.
  state_.store(State::kAsleep);
  if (inbox_empty()) return true;
  take_back();
  return false;
}

void EpollLoop::take_back() {
  for (State seen = State::kAsleep; !state_.compare_exchange_weak(seen, State::kAwake); seen = State::kAsleep) {
    if (seen == State::kLent) state_.wait(State::kLent);
  }
}

void EpollLoop::wait_for_events() {
  const bool asleep = !has_ready() && fall_asleep();
  const MonotonicTime before = clock_.monotonic();
  timespec timeout{};
  const timespec* wait = &timeout;
  if (asleep) {
    // Of the time as announced: timers belong to whoever runs the loop, who wakes this thread for an earlier one.
    const MonotonicTime until = sleeps_until_;
    if (until == kNever) {
      wait = nullptr;
    } else {
      const auto left = std::max(until - before, Duration::zero());
      timeout = {.tv_sec = static_cast<time_t>(left / seconds(1)), .tv_nsec = (left % seconds(1)).count()};
    }
  }
  std::array<epoll_event, kEventsPerWait> events;
  const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), wait, nullptr);
  if (asleep) take_back();
  note_wait(before);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.u64 == kWakeUpKey) {
      uint64_t wake_ups;
      [[maybe_unused]] const ssize_t got = ::read(wake_up_, &wake_ups, sizeof wake_ups);
      woken_.store(false);
    } else {
      deliver(event.data.u64, event.events);
    }
  }
}

void EpollLoop::note_wait(MonotonicTime before) {
  now_ = clock_.monotonic();
  slept_ += now_ - before;
  if (now_ - window_began_ < kWindow) return;
  is_short_of_time_ = slept_ * kSleepShareMin < now_ - window_began_;
  window_began_ = now_;
  slept_ = {};
}

void EpollLoop::run_borrowed_loops() {
  for (int turn = 0; !to_borrow_.empty(); ++turn) {
    EpollLoop& loop = *to_borrow_.back();
    to_borrow_.pop_back();
    if (is_short_of_time_ || turn == kTurnsMax) {
      loop.wake_thread();
      continue;
    }
    // Otherwise whoever runs it now sees what was posted.
    State seen = State::kAsleep;
    if (loop.state_.compare_exchange_strong(seen, State::kLent)) loop.run_as_borrowed();
  }
}

void EpollLoop::run_as_borrowed() {
  now_ = clock_.monotonic();
  bool more = true;
  {
    Scope scope(*this);
    for (int turn = 0; more && turn < kTurnsMax; ++turn) {
      take_turn();
      more = has_ready() || !inbox_empty();
    }
  }
  // Its thread goes on with what is left, and must not sleep through a timer.
  bool needs_thread = more || timers().next_deadline() < sleeps_until_;
  state_.store(State::kAsleep);
  state_.notify_one();
  // As in fall_asleep(): who posted while the loop was lent has left it to this thread.
  needs_thread |= !inbox_empty();
  if (needs_thread) wake_thread();
}

}  // namespace weir
