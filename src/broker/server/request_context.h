// RequestContext: what a handler knows about the request that it answers, and where it puts what the answer refers to.
// Owned by the connection until the answer is encoded; shard of the connection only, except while a handler has lent it
// to another shard and waits for it.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/seams.h"
#include "broker/group/owned.h"
#include "broker/quota/quota_key.h"
#include "protocol/error_code.h"
#include "protocol/messages/request_header.h"

namespace weir::quorum {
struct MetadataImage;
}

namespace weir::broker {

class ApiTable;
class BrokerShard;

// Who is at the other end.
struct ConnectionInfo {
  uint64_t id;  // unique on its shard
  const ApiTable& apis;
  std::string listener_name;
  Endpoint client;
  Endpoint local;
  // From ApiVersions v3 and later.
  std::string client_software_name;
  std::string client_software_version;
  // The broker whose heartbeats come here, if any do.
  NodeId heartbeats_of = kNoNode;
};

struct RequestContext {
  BrokerShard& shard;
  ConnectionInfo& connection;
  protocol::RequestHeader header;
  Buffer frame_owner;
  MutableBytes frame;  // the request: header and body, ours to patch (a batch gets its offsets in place)
  Arena strings{};     // that the answer refers to and nobody else keeps
  std::vector<std::shared_ptr<const void>> owners{};  // of other things that it refers to
  // Set by handlers whose answer refers to the metadata, to keep it while they wait.
  std::shared_ptr<const quorum::MetadataImage> image{};
  // What the external records of the answer stand for, by their index.
  std::vector<FileRegion> externals{};

  // Of a request that another broker has sent on.
  std::optional<std::string> forwarded_user{};

  // Quotas (broker/quota_service.h): whether anything of the request is to be counted, ...
  bool is_limited = false;
  bool time_is_charged = false;
  MonotonicTime began{};                    // by the clock, where it is limited
  std::optional<Duration> first_stretch{};  // what it took until it first waited; none: it has not yet
  // ... and how long the client is to be throttled, for which of them.
  std::chrono::milliseconds throttle{};
  QuotaKind throttled_by{};

  // The longest of all holds.
  void throttle_for(QuotaKind kind, std::chrono::milliseconds time) {
    if (time <= throttle) return;
    throttle = time;
    throttled_by = kind;
  }

  [[nodiscard]] int16_t version() const { return header.request_api_version; }
  // The name of the principal, as quotas know it. Listeners authenticate nobody; another broker says for whom it asks.
  [[nodiscard]] std::string_view user() const {
    return forwarded_user ? std::string_view(*forwarded_user) : std::string_view("ANONYMOUS");
  }
  // The client id, empty when there is none.
  [[nodiscard]] std::string_view client_id() const { return header.client_id.value_or(std::string_view{}); }
  // The same bytes as `view`, which lies in the frame, to be patched.
  [[nodiscard]] MutableBytes writable(ByteView view) const {
    if (view.empty()) return {};
    CHECK(view.data() >= frame.data() && view.data() + view.size() <= frame.data() + frame.size());
    return frame.subspan(static_cast<size_t>(view.data() - frame.data()), view.size());
  }
};

}  // namespace weir::broker
