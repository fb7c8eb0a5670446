#include "base/seams.h"

#include <arpa/inet.h>

#include <algorithm>

namespace weir {

uint64_t Random::below(uint64_t bound) {
  CHECK(bound > 0);
  // Multiply-shift: the bias is below 2^-64 * bound, far under what anything here could notice.
  return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

Result<> File::bring_in(uint64_t position, uint64_t length) {
  // All of it is on its way to memory before the first part is waited for.
  will_need(position, length);
  constexpr uint64_t kPieceSize = 128 * 1024;
  const Buffer piece = Buffer::allocate(std::min(length, kPieceSize));
  for (uint64_t done = 0; done < length;) {
    const uint64_t size = std::min(length - done, kPieceSize);
    TRY_ASSIGN(const size_t got, read_at(position + done, {piece.data(), size}));
    if (got < size) break;
    done += size;
  }
  return {};
}

Result<std::string> Disk::read_file(const std::string& path) {
  TRY_ASSIGN(auto file, open(path, OpenMode::kRead));
  TRY_ASSIGN(uint64_t size, file->size());
  std::string content(size, '\0');
  TRY_ASSIGN(size_t got, file->read_at(0, {reinterpret_cast<uint8_t*>(content.data()), content.size()}));
  content.resize(got);
  return content;
}

Result<> Disk::write_file_atomically(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(auto file, open(temporary, OpenMode::kTruncate));
    TRY(file->write_at(0, as_bytes(content)));
    TRY(file->sync());
  }
  TRY(rename(temporary, path));
  const size_t slash = path.rfind('/');
  return sync_directory(slash == std::string::npos ? "." : path.substr(0, slash));
}

namespace {

size_t total_size(std::span<const OutSegment> segments) {
  size_t total = 0;
  for (const OutSegment& segment : segments) {
    const auto* shared = std::get_if<SharedBytes>(&segment);
    total += shared != nullptr ? shared->bytes.size() : std::get<FileRegion>(segment).length;
  }
  return total;
}

}  // namespace

Task<Result<>> Connection::write_all(std::span<const OutSegment> segments, Duration stall) {
  const size_t total = total_size(segments);
  for (size_t done = 0; done < total;) {
    Result<size_t> written = write_now(segments, done);
    if (written) {
      done += *written;
    } else if (written.error().code != Errc::kWouldBlock) {
      co_return std::unexpected(std::move(written).error());
    } else if (!co_await writable(Loop::current().now() + stall)) {
      co_return fail(Errc::kTimedOut, peer().to_string() + " does not read what it is sent");
    }
  }
  co_return Result<>();
}

Task<Result<>> Connection::write_all(ByteView bytes, Duration stall) {
  const OutSegment segment = SharedBytes{{}, bytes};
  co_return co_await write_all(std::span(&segment, 1), stall);
}

Task<Result<>> Connection::read_exactly(MutableBytes into, MonotonicTime deadline) {
  for (size_t done = 0; done < into.size();) {
    Result<size_t> got = read_now(into.subspan(done));
    if (got && *got == 0) co_return fail(Errc::kClosed, peer().to_string() + " closed the connection");
    if (got) {
      done += *got;
    } else if (got.error().code != Errc::kWouldBlock) {
      co_return std::unexpected(std::move(got).error());
    } else if (!co_await readable(deadline)) {
      co_return fail(Errc::kTimedOut, "no answer from " + peer().to_string());
    }
  }
  co_return Result<>();
}

std::string Endpoint::address_bytes() const {
  std::string bytes(sizeof(in6_addr), '\0');
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return bytes.substr(0, sizeof(in_addr));
  return inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1 ? bytes : std::string();
}

}  // namespace weir
