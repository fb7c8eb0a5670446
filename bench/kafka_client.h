// librdkafka's handles as owning types, made from pairs of settings. Errors end the program.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"

namespace weir::bench {

using Settings = std::vector<std::pair<std::string, std::string>>;

struct ClientCloser {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
struct TopicCloser {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
struct MessageCloser {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Client = std::unique_ptr<rd_kafka_t, ClientCloser>;
using Topic = std::unique_ptr<rd_kafka_topic_t, TopicCloser>;
using Message = std::unique_ptr<rd_kafka_message_t, MessageCloser>;

using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

// A producer whose delivery reports go to the callback with the given opaque, in the thread that polls.
Client make_producer(const Settings& settings, DeliveryCallback delivered, void* opaque);
// A consumer that reads the given partitions from their start, or from their end.
Client make_consumer(const Settings& settings, const std::string& topic, int partitions, bool from_start);
Topic open_topic(rd_kafka_t* client, const std::string& name);

// --bootstrap --topic --partitions [--replicas N] [--config name=value]...; returns when each partition has a leader
// and all its replicas are in sync.
void create_topic(const Arguments& arguments);
// --bootstrap --topic... --partitions --in-sync; returns when each partition of each topic has a leader and so many
// replicas in sync. `--partitions` is of each topic.
void await_in_sync(const Arguments& arguments);
// --bootstrap --topic
void delete_topic(const Arguments& arguments);

}  // namespace weir::bench
