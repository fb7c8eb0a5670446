#include "paced.h"

#include <sys/prctl.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include "histogram.h"
#include "kafka_client.h"
#include "payload.h"

namespace weir::bench {
namespace {

// What the threads share. The histograms belong to the thread that polls the producer and to the consumer's.
struct Run {
  std::atomic<int64_t> count_from_ns = INT64_MAX;
  int64_t acknowledged = 0;
  Histogram ack;
  Histogram end_to_end;
  std::atomic<int64_t> consumed = 0;
  std::atomic<bool> consumer_ready = false;
};

// The first eight bytes of a value say when it was due.
int64_t due_time(const rd_kafka_message_t* message) {
  int64_t due = 0;
  if (message->len >= sizeof due) std::memcpy(&due, message->payload, sizeof due);
  return due;
}

void note_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) die(std::string("produce: ") + rd_kafka_err2str(message->err));
  Run& run = *static_cast<Run*>(opaque);
  const int64_t due = due_time(message);
  ++run.acknowledged;
  if (due >= run.count_from_ns) run.ack.add(now_ns() - due);
}

void sleep_until(int64_t time_ns) {
  const timespec until{.tv_sec = time_ns / 1'000'000'000, .tv_nsec = time_ns % 1'000'000'000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
}

void consume(const Arguments& arguments, Run& run, int64_t count) {
  const Settings settings = {{"bootstrap.servers", arguments.text("bootstrap")},
                             {"group.id", "bench"},
                             {"enable.auto.commit", "false"},
                             {"fetch.wait.max.ms", "500"},
                             {"fetch.min.bytes", "1"},
                             {"enable.partition.eof", "true"}};
  const auto partitions = static_cast<int>(arguments.number("partitions"));
  const Client consumer = make_consumer(settings, arguments.text("topic"), partitions, /*from_start=*/true);
  int at_end = 0;
  while (run.consumed < count) {
    const Message message(rd_kafka_consumer_poll(consumer.get(), 1000));
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // Every partition answered once: from now on each new record is met by a waiting fetch.
      if (++at_end == partitions) run.consumer_ready = true;
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) die(std::string("consume: ") + rd_kafka_err2str(message->err));
    const int64_t due = due_time(message.get());
    if (due >= run.count_from_ns) run.end_to_end.add(now_ns() - due);
    ++run.consumed;
  }
  rd_kafka_consumer_close(consumer.get());
}

void produce_on_schedule(const Arguments& arguments, Run& run, rd_kafka_t* producer, int64_t start, int64_t count) {
  const int64_t rate = arguments.number("rate");
  const auto partitions = static_cast<int>(arguments.number("partitions"));
  const Payloads payloads(static_cast<size_t>(arguments.number("record-bytes")));
  const Topic topic = open_topic(producer, arguments.text("topic"));
  std::string value;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t due = start + i * 1'000'000'000 / rate;
    if (now_ns() < due) sleep_until(due);
    value = payloads.at(i);
    std::memcpy(value.data(), &due, std::min(value.size(), sizeof due));
    if (rd_kafka_produce(topic.get(), static_cast<int>(i % partitions), RD_KAFKA_MSG_F_COPY, value.data(), value.size(),
                         nullptr, 0, nullptr) != 0) {
      die(std::string("produce: ") + rd_kafka_err2str(rd_kafka_last_error()));
    }
  }
  while (run.consumed < count) sleep_until(now_ns() + 10'000'000);
}

}  // namespace

void run_paced(const Arguments& arguments) {
  prctl(PR_SET_TIMERSLACK, 1000UL);  // The default of 50 us would show up in every latency.
  const int64_t seconds = arguments.number("seconds");
  const int64_t warmup = arguments.number("warmup-seconds", 1);
  const int64_t count = arguments.number("rate") * (seconds + warmup);
  Run run;
  const Client producer = make_producer({{"bootstrap.servers", arguments.text("bootstrap")},
                                         {"acks", "all"},
                                         {"enable.idempotence", "true"},
                                         {"linger.ms", "0"},
                                         {"queue.buffering.max.messages", "1000000"}},
                                        note_delivery, &run);
  std::jthread consumer([&] { consume(arguments, run, count); });
  while (!run.consumer_ready) sleep_until(now_ns() + 1'000'000);
  const int64_t start = now_ns() + 50'000'000;
  run.count_from_ns = start + warmup * 1'000'000'000;
  // Deliveries are polled by a thread of their own, so that none waits for the schedule.
  std::jthread deliveries([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) rd_kafka_poll(producer.get(), 100);
  });
  produce_on_schedule(arguments, run, producer.get(), start, count);
  consumer.join();
  deliveries.request_stop();
  deliveries.join();
  if (rd_kafka_flush(producer.get(), 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    die("produce: records were never acknowledged");
  std::printf(R"({"records": %lld, "ack": %s, "end_to_end": %s})", static_cast<long long>(count),
              run.ack.json().c_str(), run.end_to_end.json().c_str());
  std::printf("\n");
}

}  // namespace weir::bench
