#include "protocol/connection/broker_connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/error_code.h"
#include "protocol/frame.h"
#include "protocol/messages/api_versions_request.h"
#include "protocol/messages/api_versions_response.h"

namespace weir::protocol {
namespace {

// Requests on one connection without an answer. Brokers take one at a time, so that more would only wait elsewhere.
constexpr size_t kCallsMax = 64;
// Where the only frame of a writer begins: behind its size.
constexpr size_t kFrameStart = sizeof(int32_t);
// The largest answer that is taken: Kafka's largest request and some; fetches ask for less.
constexpr size_t kAnswerSizeMax = 128 << 20;

}  // namespace

BrokerConnection::BrokerConnection(Network& network, Random& random, Loop& loop, ConnectionOptions options, NodeId node,
                                   Endpoint endpoint)
    : network_(network),
      random_(random),
      loop_(loop),
      options_(std::move(options)),
      node_(node),
      endpoint_(std::move(endpoint)),
      backoff_(options_.reconnect_backoff, options_.reconnect_backoff_max) {}

BrokerConnection::~BrokerConnection() { close(); }

void BrokerConnection::close() {
  if (stream_) stream_->end({Errc::kClosed, "the connection to " + endpoint_.to_string() + " was closed here"});
  stream_.reset();
}

bool BrokerConnection::is_backing_off() const { return loop_.now() < retry_at_; }

Task<Result<std::shared_ptr<Stream>>> BrokerConnection::connected(MonotonicTime deadline) {
  auto lock = co_await connecting_.lock();
  // Brokers and what stands between close idle connections without a word that reaches us in time.
  if (is_connected() && stream_->calls_in_flight() == 0 && loop_.now() - stream_->last_use() > options_.idle_max) {
    close();
  }
  if (is_connected()) co_return stream_;
  if (loop_.now() < retry_at_) {
    if (retry_at_ >= deadline) co_return std::unexpected(last_failure_);
    co_await sleep_for(retry_at_ - loop_.now());
  }
  auto made = co_await connect(std::min(deadline, loop_.now() + options_.connect_timeout));
  if (made) {
    backoff_.reset();
    co_return made;
  }
  last_failure_ = made.error();
  retry_at_ = loop_.now() + backoff_.next(random_);
  co_return made;
}

Task<Result<std::shared_ptr<Stream>>> BrokerConnection::connect(MonotonicTime deadline) {
  CO_TRY_ASSIGN(auto connection, co_await network_.connect(loop_, endpoint_, deadline));
  auto stream = std::make_shared<Stream>(loop_, std::move(connection), kAnswerSizeMax, options_.write_stall);
  stream->start();
  auto learned = co_await learn_versions(stream, deadline);
  if (!learned) {
    stream->end(learned.error());
    co_return std::unexpected(learned.error());
  }
  stream_ = stream;
  co_return stream;
}

Task<Result<>> BrokerConnection::learn_versions(std::shared_ptr<Stream> stream, MonotonicTime deadline) {
  int16_t version = ApiVersionsRequest::kMaxStableVersion;
  ApiVersionsRequest request;
  request.client_software_name = "weir";
  request.client_software_version = WEIR_VERSION;
  for (;;) {
    Writer frame;
    const int32_t correlation_id = begin(frame, ApiVersionsRequest::kApiKey, version);
    CO_TRY(finish(frame, request.encode(frame, version)));
    CO_TRY_ASSIGN(Answer answer, co_await exchange(stream, ApiVersionsRequest::kApiKey, version, correlation_id,
                                                   frame.release(), deadline));
    // A broker that does not know the version says so in the layout of version 0, with the versions that it knows.
    const int16_t error = Reader(answer.body).int16();
    const bool refused = error_code(error) == ErrorCode::kUnsupportedVersion;
    Reader reader(answer.body);
    ApiVersionsResponse response;
    CO_TRY(response.decode(reader, refused ? int16_t{0} : version));
    versions_.clear();
    for (const auto& api : response.api_keys) versions_[api.api_key] = {api.min_version, api.max_version};
    if (!refused && error != 0) {
      co_return fail(Errc::kUnsupported,
                     fmt::format("{} answers ApiVersions with error {}", endpoint_.to_string(), error));
    }
    if (!refused) co_return Result<>();
    int16_t fallback = 0;
    if (auto chosen = choose_version(ApiVersionsRequest::kApiKey, 0, version)) fallback = *chosen;
    if (version == 0) co_return fail(Errc::kUnsupported, endpoint_.to_string() + " serves no version of ApiVersions");
    version = std::min<int16_t>(fallback, static_cast<int16_t>(version - 1));
  }
}

Result<int16_t> BrokerConnection::choose_version(ApiKey key, int16_t least, int16_t most) const {
  const auto known = versions_.find(static_cast<int16_t>(key));
  if (known == versions_.end()) {
    return fail(Errc::kUnsupported, fmt::format("{} does not serve {}", endpoint_.to_string(), api_name(key)));
  }
  const int16_t version = std::min(most, known->second.max);
  if (version < std::max(least, known->second.min)) {
    return fail(Errc::kUnsupported,
                fmt::format("{} serves versions {}-{} of {}; {}-{} are needed", endpoint_.to_string(),
                            known->second.min, known->second.max, api_name(key), least, most));
  }
  return version;
}

int32_t BrokerConnection::begin(Writer& frame, ApiKey key, int16_t version) {
  const int32_t correlation_id = next_correlation_id_;
  next_correlation_id_ = next_correlation_id_ == INT32_MAX ? 0 : next_correlation_id_ + 1;
  const size_t start = begin_request(frame, key, version, correlation_id, options_.client_id);
  CHECK(start == kFrameStart);  // finish() relies on one frame to a writer
  return correlation_id;
}

Result<> BrokerConnection::finish(Writer& frame, Result<> encoded) {
  TRY(encoded);
  frame.end_frame(kFrameStart);
  return {};
}

Result<> BrokerConnection::note_corruption(Result<> decoded) {
  if (!decoded && stream_) stream_->end(decoded.error());
  return decoded;
}

Task<Result<Incoming>> BrokerConnection::send(const Outgoing& request, MonotonicTime deadline) {
  CO_TRY_ASSIGN(auto stream, co_await connected(deadline));
  CO_TRY_ASSIGN(const int16_t version, choose_version(request.key, request.version_needed, request.version_max));
  Writer frame;
  const int32_t correlation_id = begin(frame, request.key, version);
  CO_TRY(finish(frame, request.encode(frame, version)));
  CO_TRY_ASSIGN(Answer answer,
                co_await exchange(stream, request.key, version, correlation_id, frame.release(), deadline));
  co_return Incoming{.owner = std::move(answer.owner), .body = answer.body, .version = version};
}

Task<Result<Answer>> BrokerConnection::exchange(std::shared_ptr<Stream> stream, ApiKey key, int16_t version,
                                                int32_t correlation_id, SharedBytes frame, MonotonicTime deadline) {
  while (!stream->ended() && stream->calls_in_flight() >= kCallsMax) {
    if (!co_await stream->progressed().wait_until(deadline)) {
      co_return fail(Errc::kTimedOut, "too many requests to " + endpoint_.to_string() + " wait for an answer");
    }
  }
  auto call = std::make_shared<Stream::Call>();
  call->key = key;
  call->version = version;
  call->correlation_id = correlation_id;
  stream->send(std::move(frame), call);
  while (!call->result) {
    if (!co_await call->done.wait_until(deadline)) {
      // Answers come in order: those behind the missing one are as late, and it must not be taken for theirs.
      stream->end(
          {Errc::kTimedOut, fmt::format("no answer from {} to {} in time", endpoint_.to_string(), api_name(key))});
    }
  }
  co_return *std::move(call->result);
}

Task<Result<>> BrokerConnection::send_unanswered(std::shared_ptr<Stream> stream, SharedBytes frame,
                                                 MonotonicTime deadline) {
  stream->send_unanswered(std::move(frame));
  while (!stream->ended() && !stream->nothing_to_write()) {
    if (!co_await stream->drained().wait_until(deadline)) {
      stream->end({Errc::kTimedOut, endpoint_.to_string() + " does not read what it is sent"});
    }
  }
  if (stream->ended()) co_return std::unexpected(stream->why_ended());
  co_return Result<>();
}

}  // namespace weir::protocol
