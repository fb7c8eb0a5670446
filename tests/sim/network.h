// The simulated network. A Fabric joins all machines of a world; each machine has its SimNetwork, its own view of it.
// A connection is two pipes of bytes that arrive in order after a delay, in pieces of any size, through buffers that
// fill up; connections are reset and links are cut as the workload asks. A machine's host name is its address; "",
// "0.0.0.0", "127.0.0.1" and "localhost" mean the machine itself.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/seams.h"
#include "sim/simulation.h"

namespace weir::sim {

class Fabric;

struct NetworkConditions {
  Duration delay_min = microseconds(20);
  Duration delay_max = microseconds(500);
  uint32_t slow_percent = 1;  // of the deliveries take up to slow_delay_max
  Duration slow_delay_max = milliseconds(50);
  uint32_t short_percent = 25;  // of reads and writes move fewer bytes than they could
  size_t buffer_min = 1024;     // bytes under way or unread per direction; drawn per connection
  size_t buffer_max = size_t{256} << 10;
};

// Both directions of one connection; shared by its two ends and by what is under way.
struct Stream;
class SimConnection;
class SimListener;

class SimNetwork final : public Network {
 public:
  SimNetwork(Fabric& fabric, std::string host) : fabric_(fabric), host_(std::move(host)) {}
  Result<std::unique_ptr<Listener>> listen(Loop& loop, const Endpoint& endpoint) override;
  Task<Result<std::unique_ptr<Connection>>> connect(Loop& loop, Endpoint endpoint, MonotonicTime deadline) override;

 private:
  Fabric& fabric_;
  std::string host_;
};

class Fabric {
 public:
  explicit Fabric(Simulation& simulation) : simulation_(simulation) {}

  NetworkConditions& conditions() { return conditions_; }
  // Nothing passes between the two hosts, in neither direction, until healed; what was under way arrives then.
  void cut(const std::string& a, const std::string& b);
  // Nothing passes from one to the other, and all the other way.
  void cut_one_way(const std::string& from, const std::string& to) { cuts_.emplace(from, to); }
  // Both directions.
  void heal(const std::string& a, const std::string& b);
  void heal_all();
  // Resets one connection of the host, chosen by chance; false when it has none.
  bool reset_one(const std::string& host);

  // For machines. While a host is down nobody answers there. Going down resets its connections: at once when only the
  // process died (the kernel tells the peers), some time later when the whole machine did.
  enum class Down : uint8_t { kProcess, kMachine };
  void host_up(const std::string& host) { states_.erase(host); }
  void host_down(const std::string& host, Down how);
  // From now on nothing leaves this host, though its step is not over: its process has died in the middle of it.
  void host_dying(const std::string& host) { dying_.insert(host); }

 private:
  friend class SimNetwork;
  friend class SimConnection;
  friend class SimListener;
  friend struct Stream;

  [[nodiscard]] bool is_cut(const std::string& from, const std::string& to) const { return cuts_.contains({from, to}); }
  Duration draw_delay();
  std::shared_ptr<Stream> make_stream(const Endpoint& client, const Endpoint& server);
  // Runs `arrive` at `host` after `delay`, or when the link from `from` is whole again.
  void deliver(const std::string& from, const std::string& host, Duration delay, Work arrive);
  [[nodiscard]] SimListener* listener_at(const Endpoint& endpoint);

  Simulation& simulation_;
  NetworkConditions conditions_;
  std::set<std::pair<std::string, std::string>> cuts_;  // from, to
  struct Held {
    std::string from;
    std::string to;
    Work arrive;
  };
  std::deque<Held> held_;  // by cut links
  std::map<std::string, Down> states_;
  std::set<std::string> dying_;
  std::map<std::pair<std::string, uint16_t>, SimListener*> listeners_;
  std::vector<std::weak_ptr<Stream>> streams_;
  uint16_t next_port_ = 49152;
};

}  // namespace weir::sim
