#include "base/real/epoll_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace weir {
namespace {

// Enough for every connection that a busy shard serves between two waits; more are handed out by the next wait.
constexpr size_t kEventsPerWait = 256;
// Turns of a loop that wants to sleep, or of a borrowed one, before descriptors are looked at again: work that goes to
// and fro between two loops ends well within it, and nothing on a descriptor waits long for it.
constexpr int kTurnsMax = 8;
// A loop that slept for less than this share of such a window wakes other loops rather than work for them.
constexpr Duration kWindow = milliseconds(10);
constexpr double kSleepShareMin = 1.0 / 8;
// A loop that slept for at least so much of the window may be a guest or take one, and a host that slept for less sends
// its guests home: far enough apart that two loops that just meet the one do not fail the other at once.
constexpr double kGuestSleepMin = 2.0 / 3;
constexpr double kHostSleepMin = 1.0 / 4;
// The key of wake_up_; watchers have their slot and its generation, guests their shard behind kGuestBit.
constexpr uint64_t kWakeUpKey = ~uint64_t{0};
constexpr uint64_t kGuestBit = uint64_t{1} << 63;

constexpr uint32_t kGenerationMask = 0x7fffffff;

// sendfile tells of a peer that went away by a signal too, and knows no MSG_NOSIGNAL.
void hold_back_pipe_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

uint64_t guest_key(const Loop& guest) { return kGuestBit | guest.shard().value(); }

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
  slot.generation = (slot.generation + 1) & kGenerationMask;
  free_slots_.push_back(watcher.slot_);
}

void EpollLoop::poll_now() {
  const timespec at_once{};
  std::array<epoll_event, kEventsPerWait> events;
  const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &at_once, nullptr);
  deliver(std::span(events).first(static_cast<size_t>(std::max(count, 0))));
}

void EpollLoop::deliver(std::span<const epoll_event> events) {
  for (const epoll_event& event : events) {
    const uint64_t key = event.data.u64;
    if (key == kWakeUpKey) {
      uint64_t wake_ups;
      [[maybe_unused]] const ssize_t got = ::read(wake_up_, &wake_ups, sizeof wake_ups);
      woken_.store(false);
    } else if ((key & kGuestBit) != 0) {
      note_guest_event(key);
    } else {
      const Slot& slot = slots_[static_cast<uint32_t>(key)];
      if (slot.watcher != nullptr && slot.generation == key >> 32) slot.watcher->on_events(event.events);
    }
  }
}

void EpollLoop::run() {
  own_loop = this;
  hold_back_pipe_signals();
  {
    std::lock_guard lock(guests_mutex_);
    takes_guests_ = true;
  }
  {
    Scope scope(*this);
    while (!stopping_.load(std::memory_order_relaxed)) {
      wait_for_events();
      // Whoever stops the loop may take away what tasks refer to: after that turn nothing runs.
      for (int turn = 0; turn < kTurnsMax && !stopping_.load(std::memory_order_relaxed); ++turn) {
        take_turn();
        // Their answers are in the inbox when they have run.
        run_borrowed_loops();
        if (has_ready() || !inbox_empty()) continue;
        if (!run_last()) break;
      }
      if (stopping_.load(std::memory_order_relaxed)) break;
      run_last();
      run_borrowed_loops();
    }
  }
  for (EpollLoop* loop : to_borrow_) loop->wake_thread();
  to_borrow_.clear();
  {
    std::lock_guard lock(guests_mutex_);
    takes_guests_ = false;
  }
  send_all_home();
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

MonotonicTime EpollLoop::wake_time() {
  // Of the time as announced: timers belong to whoever runs the loop, who wakes this thread for an earlier one.
  MonotonicTime until = sleeps_until_;
  std::lock_guard lock(guests_mutex_);
  for (const EpollLoop* guest : guests_) until = std::min(until, guest->sleeps_until_.load());
  return until;
}

void EpollLoop::wait_for_events() {
  const bool asleep = is_idle() && fall_asleep();
  if (asleep && stay_with_host()) {
    take_back();
    now_ = clock_.monotonic();
    return;
  }
  const MonotonicTime before = clock_.monotonic();
  timespec timeout{};
  const timespec* wait = &timeout;
  if (asleep) {
    const MonotonicTime until = wake_time();
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
  deliver(std::span(events).first(static_cast<size_t>(std::max(count, 0))));
  visit_guests();
}

void EpollLoop::note_wait(MonotonicTime before) {
  now_ = clock_.monotonic();
  slept_ += now_ - before;
  const Duration window = now_ - window_began_;
  if (window < kWindow) return;
  const double share = static_cast<double>(slept_.count()) / static_cast<double>(window.count());
  is_short_of_time_ = share < kSleepShareMin;
  has_little_to_do_ = share >= kGuestSleepMin;
  has_room_ = has_little_to_do_;
  if (share < kHostSleepMin) send_all_home();
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
  const bool is_host = watched_by_ == own_loop;
  bool more = true;
  {
    Scope scope(*this);
    if (is_host && std::exchange(descriptors_ready_, false)) poll_now();
    for (int turn = 0; more && turn < kTurnsMax; ++turn) {
      take_turn();
      more = has_ready() || !inbox_empty() || run_last();
    }
    more |= !is_idle();
  }
  // Its thread goes on with what is left, and must not sleep through a timer.
  bool needs_thread = more;
  if (is_host) {
    sleeps_until_ = timers().next_deadline();
  } else {
    needs_thread |= timers().next_deadline() < sleeps_until_.load();
  }
  state_.store(State::kAsleep);
  state_.notify_one();
  // As in fall_asleep(): who posted while the loop was lent has left it to this thread.
  needs_thread |= !inbox_empty();
  if (needs_thread) wake_thread();
}

// ------------------------------------------------------------------------------------------------------------- guests

bool EpollLoop::stay_with_host() {
  if (host_ == nullptr || !has_little_to_do_ || !host_->has_room_ || !host_->take_in(*this)) return false;
  while (watched_by_ == host_) watched_by_.wait(host_);
  // What it did as a guest was counted as the host's.
  window_began_ = clock_.monotonic();
  slept_ = {};
  return true;
}

bool EpollLoop::take_in(EpollLoop& guest) {
  {
    std::lock_guard lock(guests_mutex_);
    if (!takes_guests_) return false;
    guest.watched_by_ = this;
    guests_.push_back(&guest);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = guest_key(guest)}};
    CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, guest.epoll_, &event) == 0, "epoll_ctl: {}", std::strerror(errno));
  }
  // The time until which it sleeps does not have the guest's timers in it.
  wake_thread();
  return true;
}

void EpollLoop::send_all_home() {
  std::lock_guard lock(guests_mutex_);
  for (EpollLoop* guest : guests_) send_home(*guest);
  guests_.clear();
}

void EpollLoop::send_home(EpollLoop& guest) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, guest.epoll_, nullptr);
  guest.descriptors_ready_ = false;
  guest.watched_by_ = &guest;
  guest.watched_by_.notify_one();
}

void EpollLoop::note_guest_event(uint64_t key) {
  std::lock_guard lock(guests_mutex_);
  const auto guest = std::ranges::find(guests_, key, [](const EpollLoop* one) { return guest_key(*one); });
  if (guest != guests_.end()) (*guest)->descriptors_ready_ = true;
}

void EpollLoop::visit_guests() {
  std::lock_guard lock(guests_mutex_);
  std::erase_if(guests_, [this](EpollLoop* guest) {
    if (guest->stopping_) {
      send_home(*guest);
      return true;
    }
    const bool due = guest->descriptors_ready_ || guest->sleeps_until_.load() <= now_;
    if (due && std::ranges::find(to_borrow_, guest) == to_borrow_.end()) to_borrow_.push_back(guest);
    return false;
  });
}

}  // namespace weir
