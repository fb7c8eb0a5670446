// Produce requests over a bare socket, one in flight: what is measured is the broker, not a client's threads.
// The frames are Kafka's Produce version 8 with one batch of one record.
#pragma once

#include "arguments.h"

namespace weir::bench {

// --bootstrap --topic --seconds [--record-bytes]: round trips with acks=all, each sent when the one before was
// answered.
void run_round_trips(const Arguments& arguments);

// --bootstrap --topic [--limit-seconds]: connects as soon as somebody listens, and prints when the first record was
// acknowledged.
void run_first_ack(const Arguments& arguments);

}  // namespace weir::bench
