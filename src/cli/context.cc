#include "cli/context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "client/cluster.h"

namespace weir::cli {
namespace {

// Somebody sits and waits: a cluster that is not there is to be told of soon.
constexpr Duration kPatience = seconds(3);

}  // namespace

Task<Result<client::Client>> Context::connect(bool allow_auto_create_topics) {
  client::ClientOptions options;
  CO_TRY_ASSIGN(options.bootstrap, client::parse_bootstrap(cluster_.bootstrap));
  options.client_id = "weir-cli";
  options.allow_auto_create_topics = allow_auto_create_topics;
  options.api_timeout = seconds(15);
  client::Client made(seams_, loop_, std::move(options));
  const auto answered = co_await made.cluster()->refresh(now() + kPatience);
  if (!answered) {
    co_return fail(Errc::kClosed,
                   fmt::format("no broker answers at {} ({}). Is one running there? weir start runs one; "
                               "--bootstrap or $WEIR_BOOTSTRAP names another",
                               cluster_.bootstrap, answered.error().message));
  }
  co_return made;
}

Task<Result<>> Context::print(std::string text) {
  if (text.empty()) co_return Result<>();
  const int error = co_await seams_.disk_threads.run([text = std::move(text)] {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
    return written ? 0 : errno;
  });
  if (error == 0) co_return Result<>();
  output_closed_ = error == EPIPE;
  co_return fail(output_closed_ ? Errc::kClosed : Errc::kIo,
                 fmt::format("cannot write to the standard output: {}", std::strerror(error)));
}

void Context::tell(std::string_view line) {
  clear_progress();
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fputc('\n', stderr);
}

void Context::show_progress(std::string_view line) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::string text = "\r" + std::string(line);
  if (line.size() < progress_width_) text.append(progress_width_ - line.size(), ' ');
  progress_width_ = line.size();
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Context::clear_progress() {
  if (progress_width_ == 0) return;
  const std::string text = "\r" + std::string(progress_width_, ' ') + "\r";
  std::fwrite(text.data(), 1, text.size(), stderr);
  progress_width_ = 0;
}

}  // namespace weir::cli
