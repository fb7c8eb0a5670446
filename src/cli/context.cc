#include "cli/context.h"

#include <unistd.h>

#include <cstdio>

#include "cli/output.h"

namespace weir::cli {

Result<client::Client> Context::connect(bool allow_auto_create_topics) {
  client::ClientOptions options;
  TRY_ASSIGN(options.bootstrap, client::parse_bootstrap(cluster_.bootstrap));
  options.client_id = "weir-cli";
  options.allow_auto_create_topics = allow_auto_create_topics;
  // Somebody sits and waits: a cluster that is not there is to be told of soon.
  options.connect_timeout = seconds(5);
  options.api_timeout = seconds(15);
  return client::Client(seams_, loop_, std::move(options));
}

Task<Result<>> Context::print(std::string text) {
  if (text.empty()) co_return Result<>();
  const bool written = co_await seams_.disk_threads.run([text = std::move(text)] {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  });
  if (!written) co_return fail(Errc::kIo, "cannot write to the standard output");
  co_return Result<>();
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
