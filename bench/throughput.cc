#include "throughput.h"

#include <cstdio>
#include <mutex>
#include <thread>

#include "kafka_client.h"
#include "payload.h"

namespace weir::bench {
namespace {

void count_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) die(std::string("produce: ") + rd_kafka_err2str(message->err));
  ++*static_cast<int64_t*>(opaque);
}

Settings producer_settings(const Arguments& arguments) {
  return {{"bootstrap.servers", arguments.text("bootstrap")},
          {"acks", arguments.text("acks", "all")},
          {"enable.idempotence", arguments.number("idempotent", 1) != 0 ? "true" : "false"},
          {"compression.codec", arguments.text("codec", "none")},
          {"batch.size", arguments.text("batch-bytes", "1000000")},
          {"batch.num.messages", "1000000"},
          {"linger.ms", arguments.text("linger-ms", "100")},
          {"queue.buffering.max.messages", "1000000"},
          // Enough for every batch in flight; more would only measure the client's memory.
          {"queue.buffering.max.kbytes", "65536"},
          {"message.timeout.ms", "600000"}};
}

void produce(const Arguments& arguments, const Payloads& payloads, int64_t count) {
  int64_t delivered = 0;
  const Client producer = make_producer(producer_settings(arguments), count_delivery, &delivered);
  const Topic topic = open_topic(producer.get(), arguments.text("topic"));
  const auto partitions = static_cast<int>(arguments.number("partitions"));
  const int64_t keys = arguments.number("keys", 0);  // How many different ones, in turn; none: records without keys.
  for (int64_t i = 0; i < count;) {
    const std::string_view value = payloads.at(i);
    const std::string key = keys > 0 ? std::to_string(i % keys) : std::string();
    const int sent = rd_kafka_produce(topic.get(), static_cast<int>(i % partitions), RD_KAFKA_MSG_F_COPY,
                                      const_cast<char*>(value.data()), value.size(), keys > 0 ? key.data() : nullptr,
                                      key.size(), nullptr);
    if (sent == 0) {
      ++i;
      if (i % 1024 == 0) rd_kafka_poll(producer.get(), 0);
    } else if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(producer.get(), 5);
    } else {
      die(std::string("produce: ") + rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  if (rd_kafka_flush(producer.get(), 600'000) != RD_KAFKA_RESP_ERR_NO_ERROR || delivered != count) {
    die("produce: " + std::to_string(count - delivered) + " records were never acknowledged");
  }
}

// Reads count records and returns the bytes of their values.
int64_t consume(const Arguments& arguments, int64_t count) {
  // The queue takes everything: a client that pauses at a full queue would measure its own back-off.
  const Settings settings = {{"bootstrap.servers", arguments.text("bootstrap")},
                             {"group.id", "bench"},
                             {"enable.auto.commit", "false"},
                             {"check.crcs", "false"},
                             {"queued.min.messages", "10000000"},
                             {"queued.max.messages.kbytes", "2097151"}};
  const Client consumer = make_consumer(settings, arguments.text("topic"),
                                        static_cast<int>(arguments.number("partitions")), /*from_start=*/true);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer.get());
  int64_t bytes = 0;
  std::vector<rd_kafka_message_t*> messages(10'000);
  for (int64_t read = 0; read < count;) {
    const ssize_t got = rd_kafka_consume_batch_queue(queue, 1000, messages.data(), messages.size());
    for (ssize_t i = 0; i < got; ++i) {
      const Message message(messages[static_cast<size_t>(i)]);
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) die(std::string("consume: ") + rd_kafka_err2str(message->err));
      bytes += static_cast<int64_t>(message->len);
    }
    read += got;
  }
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer.get());
  return bytes;
}

void print(int64_t records, int64_t bytes, int64_t start_ns) {
  std::printf(R"({"records": %lld, "bytes": %lld, "seconds": %.6f})", static_cast<long long>(records),
              static_cast<long long>(bytes), static_cast<double>(now_ns() - start_ns) / 1e9);
  std::printf("\n");
}

}  // namespace

void run_produce(const Arguments& arguments) {
  const int64_t clients = arguments.number("clients", 1);
  const int64_t each = arguments.number("count") / clients;
  const Payloads payloads(static_cast<size_t>(arguments.number("record-bytes")));
  const int64_t start = now_ns();
  {
    std::vector<std::jthread> threads;
    for (int64_t i = 0; i < clients; ++i) threads.emplace_back([&] { produce(arguments, payloads, each); });
  }
  print(each * clients, each * clients * arguments.number("record-bytes"), start);
}

void run_consume(const Arguments& arguments) {
  const int64_t consumers = arguments.number("consumers", 1);
  const int64_t count = arguments.number("count");
  const int64_t start = now_ns();
  std::atomic<int64_t> bytes = 0;
  {
    std::vector<std::jthread> threads;
    for (int64_t i = 0; i < consumers; ++i) threads.emplace_back([&] { bytes += consume(arguments, count); });
  }
  print(count * consumers, bytes, start);
}

}  // namespace weir::bench
