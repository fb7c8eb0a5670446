// What a program at a terminal needs of its process: signals as events of a loop, and its standard input.
#pragma once

#include <initializer_list>

#include "base/bytes.h"
#include "base/real/epoll_loop.h"
#include "base/result.h"
#include "base/sync.h"

namespace weir {

// Takes signals for a loop instead of letting them end the process. Made before any other thread is started, so that
// all threads block them; belongs to the loop's thread.
class Interrupts final : private EpollLoop::Watcher {
 public:
  Interrupts(EpollLoop& loop, std::initializer_list<int> signals);
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;
  ~Interrupts();

  // How many have come.
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] int last() const { return last_; }
  // Notified with each signal.
  WaitList& arrived() { return arrived_; }

 private:
  void on_events(uint32_t events) override;

  EpollLoop& loop_;
  int descriptor_;
  int count_ = 0;
  int last_ = 0;
  WaitList arrived_;
};

// Reads what is there of the standard input, at least one byte, 0 at its end. Blocks: on a disk thread. kIo.
Result<size_t> read_standard_input(MutableBytes into);

}  // namespace weir
