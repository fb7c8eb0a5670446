// Client: what a process knows of one Kafka cluster (its brokers, topics and leaders) and its connections to it. A
// Producer, a Consumer or an Admin is made from one and keeps it alive.
//
// Everything here and in producer.h, consumer.h and admin.h belongs to the loop that it was made on and is called on
// that loop only; a call that waits is a Task. The loop and the seams must outlive the objects. Errors are Results
// whose message names the thing it happened to and, where a broker said no, the name of Kafka's error. Retriable errors
// are retried inside until the timeout of the call; what comes out is final:
//   kTimedOut        no answer, or no success, within the timeout; for a write the outcome is unknown
//   kClosed          no broker could be reached
//   kNotFound        no such topic, partition or group
//   kAlreadyExists   as it says
//   kInvalidArgument what was asked for is not allowed or makes no sense
//   kUnsupported     the broker does not serve an API or a version that is needed
//   kOutOfRange      an offset outside the log
//   kTooLarge        over a limit of the broker or of the client
//   kCorrupt         bytes that do not parse or whose checksum is wrong
//   kUnavailable     the broker refused for now, and went on refusing
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/seams.h"

namespace weir::client {

class Cluster;

struct ClientOptions {
  std::vector<Endpoint> bootstrap;  // any brokers of the cluster; the others are found through them
  std::string client_id = "weir";
  bool allow_auto_create_topics = true;  // asking for an unknown topic makes it, where the cluster is set so

  Duration connect_timeout = seconds(10);
  Duration request_timeout = seconds(30);      // without an answer for that long a connection is given up
  Duration api_timeout = seconds(60);          // of a call, all retries together
  Duration retry_backoff = milliseconds(100);  // doubled with each failure, with jitter, up to:
  Duration retry_backoff_max = seconds(1);
  Duration reconnect_backoff = milliseconds(50);
  Duration reconnect_backoff_max = seconds(1);
  Duration metadata_age_max = seconds(300);
  Duration connection_idle_max = seconds(540);
};

// "host:port,host:port"; the port defaults to 9092, an IPv6 address stands in brackets. kInvalidArgument.
Result<std::vector<Endpoint>> parse_bootstrap(std::string_view text);

class Client {
 public:
  // Connects to nothing yet.
  Client(const Seams& seams, Loop& loop, ClientOptions options);

  [[nodiscard]] const std::shared_ptr<Cluster>& cluster() const { return cluster_; }

 private:
  std::shared_ptr<Cluster> cluster_;
};

}  // namespace weir::client
