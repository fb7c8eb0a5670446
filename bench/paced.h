// Latencies at a fixed rate, from a schedule that does not wait for the broker.
#pragma once

#include "arguments.h"

namespace weir::bench {

// --bootstrap --topic --partitions --rate --seconds --record-bytes [--warmup-seconds]: records go out one by one at the
// rate, and are read back by a consumer in the same process. Both latencies count from the time at which a record was
// due, so that a stall costs every record that was due in it (no coordinated omission). Records due in the warm-up are
// sent but not counted.
void run_paced(const Arguments& arguments);

}  // namespace weir::bench
