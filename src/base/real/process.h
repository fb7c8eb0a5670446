// A process of loops: its threads, its signals, its host.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/real/epoll_loop.h"

namespace weir {

// One thread for each loop. Made and destroyed by the main thread.
class LoopThreads {
 public:
  LoopThreads(size_t count, const Clock& clock);
  // Stops, joins and clears.
  ~LoopThreads();
  // Ends the threads. The loops and their tasks stay, so that work on other threads which refers to them can end first.
  void join();
  // Destroys the tasks where they stand. After join().
  void clear();
  [[nodiscard]] std::vector<Loop*> loops() const;

 private:
  std::vector<std::unique_ptr<EpollLoop>> loops_;
  std::vector<std::jthread> threads_;
};

// The signals that a server heeds, and a way for its loops to end it. Made by the main thread before any other thread
// starts, so that all threads leave the signals to it.
class ProcessEvents {
 public:
  enum class Event : uint8_t {
    kStop,    // SIGTERM or SIGINT
    kReload,  // SIGHUP
    kFinish,  // finish() was called
  };

  ProcessEvents();
  ~ProcessEvents();
  ProcessEvents(const ProcessEvents&) = delete;
  ProcessEvents& operator=(const ProcessEvents&) = delete;

  // Main thread: blocks until something happens.
  Event wait();
  // Any thread.
  void finish();

 private:
  int signals_;
  int finish_;
};

// Cores that this process may use.
size_t core_count();
// "localhost" when the machine has none.
std::string host_name();
// Raises the limit of open descriptors to what is allowed, and returns it.
size_t raise_descriptor_limit();

}  // namespace weir
