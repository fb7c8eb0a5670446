// A look-up in a log on a simulated loop, which waits for what is not in the page cache as a shard's does.
#pragma once

#include <type_traits>
#include <utility>

#include "base/task.h"
#include "sim/machine.h"
#include "storage/log.h"

namespace weir::sim {

// Calls look(), which returns a Result, until nothing that it needs is missing, or the machine dies.
template <class Look>
Task<std::invoke_result_t<Look>> look_up(Machine& machine, storage::Log& log, Look look) {
  while (true) {
    auto found = look();
    if (found || found.error().code != Errc::kWouldBlock || machine.dying()) co_return found;
    CO_TRY(co_await machine.disk_threads().run(
        [missed = log.missed()] { return missed.file->bring_in(missed.position, missed.length); }));
  }
}

// The same where no loop runs, as on a disk thread: at once, so that nothing happens meanwhile.
template <class Look>
std::invoke_result_t<Look> look_up_at_once(storage::Log& log, Look look) {
  while (true) {
    auto found = look();
    if (found || found.error().code != Errc::kWouldBlock) return found;
    TRY(log.missed().file->bring_in(log.missed().position, log.missed().length));
  }
}

}  // namespace weir::sim
