// As many records as the client can move: what a broker costs when it is busy.
#pragma once

#include "arguments.h"

namespace weir::bench {

// --bootstrap --topic --partitions --count --record-bytes [--batch-bytes] [--linger-ms] [--codec] [--acks]
// [--idempotent 0|1]
// [--clients]: count records over all clients, each client a producer in a thread of its own.
void run_produce(const Arguments& arguments);

// --bootstrap --topic --partitions --count [--consumers]: each consumer reads count records of the topic from its
// start.
void run_consume(const Arguments& arguments);

}  // namespace weir::bench
