// BrokerSessions: which brokers the controller hears from, and how far each has replayed the metadata log. Soft state
// of the active controller, rebuilt from heartbeats. Owned by Controller; its loop only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace weir::broker {

class BrokerSessions {
 public:
  explicit BrokerSessions(Duration timeout) : timeout_(timeout) {}

  // The broker said at `now` that it has replayed everything up to `metadata_offset`.
  void touch(NodeId broker, Offset metadata_offset, MonotonicTime now);
  // Gives a broker of the metadata that was not heard from yet the time of one session.
  void expect(NodeId broker, MonotonicTime now);
  // Its connection broke: its session goes on, but another process may take its place.
  void lose(NodeId broker);
  void remove(NodeId broker);
  void clear() { sessions_.clear(); }

  [[nodiscard]] bool is_alive(NodeId broker, MonotonicTime now) const;
  // Those whose session has ended.
  [[nodiscard]] std::vector<NodeId> expired(MonotonicTime now) const;
  // When the next session ends; kNever.
  [[nodiscard]] MonotonicTime next_expiry() const;

  // A broker that shuts down may go once every active broker has replayed what was decided when it asked first.
  void begin_shutdown(NodeId broker, Offset offset);
  [[nodiscard]] std::optional<Offset> shutdown_offset(NodeId broker) const;
  // The least offset that any of `brokers` has replayed; Offset max for none of them.
  [[nodiscard]] Offset least_metadata_offset(const std::vector<NodeId>& brokers) const;

 private:
  struct Session {
    MonotonicTime last_contact{};
    bool heard = false;  // from this controller's point of view
    Offset metadata_offset = kNoOffset;
    std::optional<Offset> shutdown_offset;
  };
  Duration timeout_;
  std::map<NodeId, Session> sessions_;
};

}  // namespace weir::broker
