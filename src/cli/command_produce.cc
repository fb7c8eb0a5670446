// weir produce: lines in, records out.
#include <fmt/format.h>

#include <array>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/input_lines.h"
#include "cli/output.h"
#include "weir/producer.h"

namespace weir::cli {
namespace {

constexpr size_t kPieceSize = 256 << 10;
// So many are told of one by one; the rest is counted.
constexpr int kFailuresTold = 10;
constexpr Duration kProgressInterval = milliseconds(500);

// Reads the files, or the standard input, piece by piece on a disk thread, one piece ahead.
class Input : public std::enable_shared_from_this<Input> {
 public:
  Input(Context& context, std::vector<std::string> files) : context_(context), files_(std::move(files)) {
    if (files_.empty()) files_.emplace_back("-");
  }
  void start() { context_.loop().spawn(read(shared_from_this())); }

  // The next piece; none at the end or when the user interrupted.
  Task<Result<std::optional<std::string>>> next() {
    while (!piece_ && !ended_ && !context_.interrupted()) co_await changed_.wait();
    if (context_.interrupted()) co_return std::nullopt;
    if (piece_) {
      std::string piece = *std::exchange(piece_, std::nullopt);
      changed_.notify_all();
      co_return std::optional(std::move(piece));
    }
    if (failure_) co_return std::unexpected(*failure_);
    co_return std::nullopt;
  }

  static Task<void> wake_when_interrupted(std::shared_ptr<Input> self) {
    while (!self->context_.interrupted()) co_await self->context_.interruption().wait();
    self->changed_.notify_all();
  }

 private:
  static Task<void> read(std::shared_ptr<Input> self) {
    for (const std::string& file : self->files_) {
      auto done = co_await self->read_file(file);
      if (!done) self->failure_ = done.error();
      if (!done) break;
    }
    self->ended_ = true;
    self->changed_.notify_all();
  }

  Task<Result<>> read_file(const std::string& name) {
    std::shared_ptr<File> file;
    if (name != "-") {
      CO_TRY_ASSIGN(file, context_.disk().open(name, OpenMode::kRead));
    }
    for (uint64_t position = 0;;) {
      auto piece = std::make_shared<std::string>(kPieceSize, '\0');
      CO_TRY_ASSIGN(const size_t size,
                    co_await context_.disk_threads().run([file, position, piece]() -> Result<size_t> {
                      const MutableBytes bytes(reinterpret_cast<uint8_t*>(piece->data()), piece->size());
                      return file ? file->read_at(position, bytes) : read_standard_input(bytes);
                    }));
      if (size == 0) co_return Result<>();
      position += size;
      piece->resize(size);
      while (piece_) co_await changed_.wait();
      piece_ = std::move(*piece);
      changed_.notify_all();
    }
  }

  Context& context_;
  std::vector<std::string> files_;
  std::optional<std::string> piece_;
  std::optional<Error> failure_;
  bool ended_ = false;
  WaitList changed_;
};

struct Progress {
  int64_t lines = 0;
  int64_t delivered = 0;
  int64_t failed = 0;
  int64_t bytes = 0;
  MonotonicTime began;
  MonotonicTime shown;

  [[nodiscard]] std::string text(MonotonicTime now) const {
    const double seconds_passed = std::chrono::duration<double>(now - began).count();
    const double rate = seconds_passed > 0 ? static_cast<double>(bytes) / seconds_passed : 0;
    return fmt::format("{}, {}, {:.1f} s, {}/s", counted(delivered, "record"), in_bytes(static_cast<double>(bytes)),
                       seconds_passed, in_bytes(rate));
  }
};

client::ProducerOptions producer_options(const Produce& command) {
  client::ProducerOptions options;
  options.acks = command.acks == "all" ? -1 : std::stoi(command.acks);
  options.compression = *protocol::parse_compression(command.compression);
  options.batch_size = static_cast<size_t>(command.batch_size);
  options.linger = milliseconds(command.linger_ms);
  options.request_size_max = std::max<size_t>(options.request_size_max, options.batch_size + 1024);
  options.delivery_timeout = seconds(30);
  return options;
}

class Sender {
 public:
  Sender(Context& context, const client::Client& cluster, const Produce& command, RecordParser parser)
      : context_(context),
        parser_(std::move(parser)),
        quiet_(command.quiet),
        producer_(cluster, producer_options(command)) {
    progress_->began = progress_->shown = context.now();
  }

  Task<Result<>> send_lines(LineSplitter& lines) {
    std::string_view line;
    while (lines.next(line)) {
      const int64_t number = ++progress_->lines;
      auto record = parser_.parse(line);
      if (!record) {
        complain(*progress_, context_, number, record.error());
        continue;
      }
      const auto size = static_cast<int64_t>(line.size());
      auto taken = co_await producer_.send(*std::move(record), [progress = progress_, context = &context_, number,
                                                                size](const Result<client::Delivery>& fate) {
        if (fate) {
          ++progress->delivered;
          progress->bytes += size;
        } else {
          complain(*progress, *context, number, fate.error());
        }
      });
      if (!taken && taken.error().code != Errc::kTooLarge && taken.error().code != Errc::kInvalidArgument) {
        co_return taken;
      }
      if (!taken) complain(*progress_, context_, number, taken.error());
      show();
    }
    if (lines.is_too_long()) co_return fail(Errc::kTooLarge, fmt::format("line {} is too long", progress_->lines + 1));
    co_return Result<>();
  }

  Task<int> finish() {
    co_await producer_.flush();
    context_.clear_progress();
    if (!quiet_) context_.tell(progress_->text(context_.now()) + (context_.interrupted() ? " (interrupted)" : ""));
    if (progress_->failed > 0) context_.tell(fmt::format("weir: {} not sent", counted(progress_->failed, "line")));
    co_return progress_->failed > 0 ? kExitFailed : kExitDone;
  }

 private:
  static void complain(Progress& progress, Context& context, int64_t line, const Error& error) {
    if (++progress.failed <= kFailuresTold) context.tell(fmt::format("weir: line {}: {}", line, error.message));
  }
  void show() {
    if (quiet_ || context_.now() - progress_->shown < kProgressInterval) return;
    progress_->shown = context_.now();
    context_.show_progress(progress_->text(context_.now()));
  }

  Context& context_;
  RecordParser parser_;
  bool quiet_;
  std::shared_ptr<Progress> progress_ = std::make_shared<Progress>();
  client::Producer producer_;
};

}  // namespace

Task<Result<int>> run_command(Context& context, Produce command) {
  CO_TRY_ASSIGN(auto parser, RecordParser::make(command));
  CO_TRY_ASSIGN(const auto cluster, co_await context.connect(true));
  context.heed_interrupts();
  Sender sender(context, cluster, command, std::move(parser));
  auto input = std::make_shared<Input>(context, command.files);
  input->start();
  context.loop().spawn(Input::wake_when_interrupted(input));
  LineSplitter lines;
  Result<> sent;
  for (bool more = true; more && sent;) {
    auto piece = co_await input->next();
    if (!piece) {
      sent = std::unexpected(piece.error());
      break;
    }
    more = piece->has_value();
    if (more) lines.add(**piece);
    if (!more) lines.finish();
    sent = co_await sender.send_lines(lines);
  }
  const int exit_code = co_await sender.finish();
  CO_TRY(sent);
  co_return context.interrupted() && exit_code == kExitDone ? context.interrupted_exit_code() : exit_code;
}

}  // namespace weir::cli
