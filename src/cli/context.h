// What a command is carried out with. Made by weir_main.cc for one command; loop thread only.
#pragma once

#include <string>
#include <string_view>

#include "base/real/epoll_loop.h"
#include "base/real/terminal.h"
#include "base/seams.h"
#include "cli/invocation.h"
#include "weir/client.h"

namespace weir::cli {

class Context {
 public:
  Context(const Seams& seams, EpollLoop& loop, Interrupts& signals, const ClusterOptions& cluster)
      : seams_(seams), loop_(loop), signals_(signals), cluster_(cluster) {}

  [[nodiscard]] bool wants_json() const { return cluster_.output == OutputFormat::kJson; }
  [[nodiscard]] Timestamp wall() const { return seams_.clock.wall(); }
  [[nodiscard]] MonotonicTime now() const { return loop_.now(); }
  EpollLoop& loop() { return loop_; }
  DiskThreads& disk_threads() { return seams_.disk_threads; }
  Disk& disk() { return seams_.disk; }

  // A client of the cluster that the command line names, once a broker of it has answered. kInvalidArgument, kClosed.
  Task<Result<client::Client>> connect(bool allow_auto_create_topics = false);

  // From now on the command ends in order after Ctrl-C or SIGTERM; before, they end the process at once.
  void heed_interrupts() { heeds_interrupts_ = true; }
  [[nodiscard]] bool heeds_interrupts() const { return heeds_interrupts_; }
  // Ctrl-C or SIGTERM: finish what is under way and end.
  [[nodiscard]] bool interrupted() const { return signals_.count() > 0; }
  // What a shell gives a program that a signal ended.
  [[nodiscard]] int interrupted_exit_code() const { return 128 + signals_.last(); }
  WaitList& interruption() { return signals_.arrived(); }

  // Hands the text to the standard output. The loop goes on while a slow reader takes it. kClosed when the reader has
  // gone (weir consume orders | head -1), kIo.
  Task<Result<>> print(std::string text);
  // The reader of the standard output has gone: nobody is left to work for, and nothing to complain about.
  [[nodiscard]] bool output_closed() const { return output_closed_; }
  // One line for people, on standard error.
  void tell(std::string_view line);
  // The same place on standard error again and again; only on a terminal.
  void show_progress(std::string_view line);
  void clear_progress();

 private:
  Seams seams_;
  EpollLoop& loop_;
  Interrupts& signals_;
  ClusterOptions cluster_;
  size_t progress_width_ = 0;
  bool heeds_interrupts_ = false;
  bool output_closed_ = false;
};

}  // namespace weir::cli
