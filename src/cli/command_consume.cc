// weir consume: records in, text out.
#include <fmt/format.h>

#include <algorithm>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/places.h"
#include "cli/record_template.h"
#include "weir/consumer.h"

namespace weir::cli {
namespace {

using client::Admin;
using client::TopicPartition;
using Offsets = std::map<TopicPartition, Offset>;

// An interrupt is noticed at the latest after this.
constexpr Duration kPollMax = milliseconds(200);

client::ConsumerOptions consumer_options(const Consume& command) {
  client::ConsumerOptions options;
  options.group = command.group;
  options.assignors = {command.assignor};
  options.reset =
      command.from == "end" || command.from == "latest" ? client::OffsetReset::kLatest : client::OffsetReset::kEarliest;
  options.read_committed = command.committed_only;
  options.poll_records_max = 5000;
  options.partition_fetch_max_bytes = 4 << 20;
  // Offsets are committed when what they stand for was printed, not on a timer of the client's.
  options.auto_commit = false;
  return options;
}

class Printer {
 public:
  Printer(Context& context, Consume command, RecordFormat format, client::Consumer& consumer)
      : context_(context), command_(std::move(command)), format_(std::move(format)), consumer_(consumer) {}

  void stop_at(Offsets ends) { ends_ = std::move(ends); }

  Task<Result<>> run() {
    began_ = context_.now();
    MonotonicTime committed = began_;
    while (!context_.interrupted() && !is_done()) {
      CO_TRY_ASSIGN(const auto polled, co_await consumer_.poll(kPollMax));
      if (auto printed = co_await context_.print(format(polled)); !printed) {
        has_printed_all_ = false;
        co_return printed;
      }
      if (!command_.group.empty() && context_.now() - committed > seconds(5)) {
        // Lost partitions are another member's matter now; anything else shows at the end.
        [[maybe_unused]] auto done = co_await consumer_.commit();
        committed = context_.now();
      }
    }
    co_return Result<>();
  }

  [[nodiscard]] bool has_printed_all() const { return has_printed_all_; }

  void tell_summary() {
    if (command_.quiet || !has_printed_all_) return;
    const double took = std::chrono::duration<double>(context_.now() - began_).count();
    context_.tell(fmt::format("{}, {}, {:.1f} s{}", counted(records_, "record"), in_bytes(static_cast<double>(bytes_)),
                              took, context_.interrupted() ? " (interrupted)" : ""));
  }

 private:
  [[nodiscard]] bool is_done() const {
    if (command_.count >= 0 && records_ >= command_.count) return true;
    if (!ends_) return false;
    return std::ranges::all_of(*ends_, [&](const auto& end) { return consumer_.position(end.first) >= end.second; });
  }

  std::string format(const client::ConsumedRecords& polled) {
    std::string text;
    for (const client::ConsumedRecord& record : polled.records) {
      if (command_.count >= 0 && records_ >= command_.count) {
        // Not printed, so not read: the group shall get them another time.
        rewind(record);
        continue;
      }
      if (ends_ && record.offset >= ends_->at({std::string(record.topic), record.partition})) continue;
      format_.append(text, record);
      ++records_;
      bytes_ += static_cast<int64_t>(record.key.value_or("").size() + record.value.value_or("").size());
    }
    return text;
  }

  void rewind(const client::ConsumedRecord& record) {
    const TopicPartition place{std::string(record.topic), record.partition};
    if (consumer_.position(place) > record.offset) consumer_.seek(place, record.offset);
  }

  Context& context_;
  Consume command_;
  RecordFormat format_;
  client::Consumer& consumer_;
  std::optional<Offsets> ends_;
  MonotonicTime began_;
  bool has_printed_all_ = true;
  int64_t records_ = 0;
  int64_t bytes_ = 0;
};

// Points the consumer at the places that the command line names; gives where to stop, if anywhere.
Task<Result<std::optional<Offsets>>> set_out(Admin& admin, const Consume& command, PlaceSpec from, PlaceSpec to,
                                             client::Consumer& consumer) {
  std::vector<TopicPartition> places;
  for (const std::string& topic : command.topics) {
    CO_TRY_ASSIGN(auto some, co_await partitions_of(admin, topic, command.partitions));
    places.insert(places.end(), some.begin(), some.end());
  }
  CO_TRY_ASSIGN(const Offsets starts, co_await offsets_at(admin, places, from));
  std::optional<Offsets> ends;
  if (!command.follow || !command.to.empty()) {
    CO_TRY_ASSIGN(ends, co_await offsets_at(admin, places, to));
  }
  consumer.assign(places);
  for (const auto& [place, offset] : starts) consumer.seek(place, offset);
  co_return ends;
}

}  // namespace

Task<Result<int>> run_command(Context& context, Consume command) {
  if (!command.group.empty() && (!command.to.empty() || !command.partitions.empty())) {
    context.tell("weir: a group decides on partitions and has no end: leave --to and --partition away, or --group");
    co_return kExitWrongUsage;
  }
  if (context.wants_json()) command.format = "json";
  const Timestamp now = context.wall();
  CO_TRY_ASSIGN(const PlaceSpec from, parse_place(command.from.empty() ? "earliest" : command.from, now));
  CO_TRY_ASSIGN(const PlaceSpec to, parse_place(command.to.empty() ? "end" : command.to, now));
  CO_TRY_ASSIGN(auto format, RecordFormat::parse(command.format, command.delimiter));
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect());
  Admin admin(cluster);
  client::Consumer consumer(cluster, consumer_options(command));
  Printer printer(context, command, std::move(format), consumer);
  if (command.group.empty()) {
    CO_TRY_ASSIGN(auto ends, co_await set_out(admin, command, from, to, consumer));
    if (ends) printer.stop_at(*std::move(ends));
  } else {
    for (const std::string& topic : command.topics) CO_TRY(co_await partitions_of(admin, topic, {}));
    consumer.subscribe(command.topics);
  }
  context.heed_interrupts();
  const auto printed = co_await printer.run();
  Result<> committed;
  if (!command.group.empty()) {
    // What could not be printed was not read: the group shall get it another time.
    if (printer.has_printed_all()) committed = co_await consumer.commit();
    CO_TRY(co_await consumer.close());
  }
  printer.tell_summary();
  CO_TRY(printed);
  CO_TRY(committed);
  // To follow has no other end than the interrupt.
  const bool cut_short = context.interrupted() && !command.follow && command.group.empty();
  co_return cut_short ? context.interrupted_exit_code() : kExitDone;
}

}  // namespace weir::cli
