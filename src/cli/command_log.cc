// weir log ...
#include <fmt/format.h>

#include <algorithm>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/dump_batches.h"
#include "cli/dump_entry.h"
#include "cli/dump_indexes.h"

namespace weir::cli {
namespace {

// Read at a time; more for a batch that is bigger.
constexpr size_t kWindow = 1 << 20;
// The small files are read whole. An index is at most this big by Kafka's settings (segment.index.bytes, 10 MiB
// usually).
constexpr uint64_t kSmallFileMax = 256 << 20;

class Dump {
 public:
  Dump(Context& context, const LogDump& command) : context_(context), records_(command.records) {}

  // All that the path stands for.
  Task<Result<>> path(std::string path) {
    CO_TRY_ASSIGN(const FileInfo info,
                  co_await context_.disk_threads().run([&disk = context_.disk(), path] { return disk.stat(path); }));
    if (!info.is_directory) co_return co_await file(path, info.size);
    CO_TRY_ASSIGN(auto entries,
                  co_await context_.disk_threads().run([&disk = context_.disk(), path] { return disk.list(path); }));
    std::ranges::sort(entries, {}, &FileInfo::name);
    bool found = false;
    for (const FileInfo& entry : entries) {
      const std::string below = path + "/" + entry.name;
      if (entry.is_directory || file_kind_of(below) == FileKind::kUnknown) continue;
      found = true;
      CO_TRY(co_await file(below, entry.size));
    }
    if (!found) context_.tell(path + " has no files that belong into a data directory");
    co_return Result<>();
  }

  [[nodiscard]] bool found_damage() const { return damage_; }

 private:
  Task<Result<>> file(std::string path, uint64_t size) {
    const FileKind kind = file_kind_of(path);
    if (kind == FileKind::kUnknown) {
      co_return fail(
          Errc::kInvalidArgument,
          path + " is no file of a data directory: its name says what is in it (.log, .index, .snapshot, ...)");
    }
    std::string out;
    DumpEntry("file")
        .text("path", path)
        .number("size", static_cast<int64_t>(size))
        .append_to(out, context_.wants_json());
    CO_TRY(co_await context_.print(std::move(out)));
    co_return kind == FileKind::kBatches ? co_await batches(path) : co_await small(path, kind, size);
  }

  Task<Result<std::string>> read(std::shared_ptr<File> file, uint64_t position, size_t size) {
    co_return co_await context_.disk_threads().run([file, position, size]() -> Result<std::string> {
      std::string bytes(size, '\0');
      TRY_ASSIGN(const size_t got, file->read_at(position, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}));
      bytes.resize(got);
      return bytes;
    });
  }

  Task<Result<std::shared_ptr<File>>> open(std::string path) {
    co_return co_await context_.disk_threads().run(
        [&disk = context_.disk(), path] { return disk.open(path, OpenMode::kRead); });
  }

  Task<Result<>> batches(std::string path) {
    CO_TRY_ASSIGN(auto file, co_await open(path));
    BatchDumper dumper(record_kind_of(path), records_, context_.wants_json());
    size_t window = kWindow;
    for (uint64_t position = 0; !dumper.at_end() && !context_.interrupted();) {
      CO_TRY_ASSIGN(const std::string bytes, co_await read(file, position, window));
      const bool last = bytes.size() < window;
      std::string out;
      const size_t done = dumper.dump(as_bytes(bytes), position, last, out);
      CO_TRY(co_await context_.print(std::move(out)));
      if (last) break;
      position += done;
      window = done == 0 ? window * 2 : kWindow;
    }
    damage_ |= dumper.found_damage();
    co_return Result<>();
  }

  Task<Result<>> small(std::string path, FileKind kind, uint64_t size) {
    if (size > kSmallFileMax)
      co_return fail(Errc::kTooLarge, fmt::format("{} has {} bytes, too many for such a file", path, size));
    CO_TRY_ASSIGN(auto file, co_await open(path));
    CO_TRY_ASSIGN(const std::string bytes, co_await read(file, 0, size));
    std::string out;
    damage_ |= !dump_small_file(kind, as_bytes(bytes), base_offset_of(path), context_.wants_json(), out);
    co_return co_await context_.print(std::move(out));
  }

  Context& context_;
  bool records_;
  bool damage_ = false;
};

}  // namespace

Task<Result<int>> run_command(Context& context, LogDump command) {
  Dump dump(context, command);
  for (const std::string& path : command.paths) CO_TRY(co_await dump.path(path));
  if (dump.found_damage()) context.tell("weir: there is damage; see the lines that say so");
  co_return dump.found_damage() ? kExitFailed : kExitDone;
}

}  // namespace weir::cli
