#include "sim/network.h"

#include <algorithm>

#include "sim/stream.h"

namespace weir::sim {
namespace {

// Until the peers of a machine without power notice.
constexpr Duration kSilenceMax = seconds(3);

std::string host_named(const std::string& name, const std::string& self) {
  const bool is_self = name.empty() || name == "0.0.0.0" || name == "127.0.0.1" || name == "localhost" || name == "::";
  return is_self ? self : name;
}

// A connect() that waits for its answer. The stream is closed if nobody is left to take it.
struct Attempt {
  std::optional<Result<std::unique_ptr<Accepted>>> outcome;
  WaitList answered;
};

}  // namespace

Result<std::unique_ptr<Listener>> SimNetwork::listen(Loop&, const Endpoint& endpoint) {
  Endpoint local{host_named(endpoint.host, host_), endpoint.port};
  if (local.host != host_) return fail(Errc::kInvalidArgument, local.host + " is not an address of " + host_);
  if (local.port == 0) local.port = fabric_.next_port_++;
  if (fabric_.listener_at(local) != nullptr) return fail(Errc::kBusy, local.to_string() + " is taken");
  return std::make_unique<SimListener>(fabric_, std::move(local));
}

Task<Result<std::unique_ptr<Connection>>> SimNetwork::connect(Loop& loop, Endpoint endpoint, MonotonicTime deadline) {
  endpoint.host = host_named(endpoint.host, host_);
  Fabric* fabric = &fabric_;
  auto attempt = std::make_shared<Attempt>();
  Endpoint local{host_, fabric->next_port_++};
  fabric->deliver(host_, endpoint.host, fabric->draw_delay(), [fabric, attempt, endpoint, local] {
    const auto state = fabric->states_.find(endpoint.host);
    if (state != fabric->states_.end() && state->second == Fabric::Down::kMachine) return;  // nobody answers
    std::shared_ptr<Stream> stream;
    SimListener* listener = fabric->listener_at(endpoint);
    if (listener != nullptr) {
      stream = fabric->make_stream(local, endpoint);
      listener->arrive(stream);
    }
    fabric->deliver(endpoint.host, local.host, fabric->draw_delay(), [attempt, stream, endpoint] {
      if (stream) {
        attempt->outcome = std::make_unique<SimAccepted>(stream, 0);
      } else {
        attempt->outcome = fail(Errc::kClosed, "cannot connect to " + endpoint.to_string() + ": refused");
      }
      attempt->answered.notify_all();
    });
  });
  while (!attempt->outcome) {
    if (!co_await attempt->answered.wait_until(deadline)) {
      co_return fail(Errc::kTimedOut, "no connection to " + endpoint.to_string());
    }
  }
  CO_TRY_ASSIGN(std::unique_ptr<Accepted> made, *std::move(attempt->outcome));
  co_return made->attach(loop);
}

void Fabric::cut(const std::string& a, const std::string& b) {
  cut_one_way(a, b);
  cut_one_way(b, a);
}

void Fabric::heal(const std::string& a, const std::string& b) {
  cuts_.erase({a, b});
  cuts_.erase({b, a});
  std::deque<Held> still_held;
  for (Held& held : std::exchange(held_, {})) {
    if (is_cut(held.from, held.to)) {
      still_held.push_back(std::move(held));
    } else {
      // In the order in which they would have arrived.
      simulation_.after(Duration::zero(), kWorld, std::move(held.arrive));
    }
  }
  held_ = std::move(still_held);
}

void Fabric::heal_all() {
  while (!cuts_.empty()) {
    const auto [from, to] = *cuts_.begin();
    heal(from, to);
  }
}

Duration Fabric::draw_delay() {
  SimRandom& random = simulation_.random();
  const bool slow = random.percent(conditions_.slow_percent);
  return random.between(conditions_.delay_min, slow ? conditions_.slow_delay_max : conditions_.delay_max);
}

void Fabric::deliver(const std::string& from, const std::string& host, Duration delay, Work arrive) {
  simulation_.after(delay, kWorld, [this, from, host, arrive = std::move(arrive)]() mutable {
    if (is_cut(from, host)) {
      held_.push_back({from, host, std::move(arrive)});
    } else {
      arrive();
    }
  });
}

std::shared_ptr<Stream> Fabric::make_stream(const Endpoint& client, const Endpoint& server) {
  const size_t buffer = simulation_.random().between(conditions_.buffer_min, conditions_.buffer_max);
  auto stream = std::make_shared<Stream>(*this, client, server, buffer);
  std::erase_if(streams_, [](const std::weak_ptr<Stream>& known) { return known.expired(); });
  streams_.push_back(stream);
  return stream;
}

SimListener* Fabric::listener_at(const Endpoint& endpoint) {
  const auto found = listeners_.find({endpoint.host, endpoint.port});
  return found == listeners_.end() ? nullptr : found->second;
}

bool Fabric::reset_one(const std::string& host) {
  std::vector<std::shared_ptr<Stream>> candidates;
  for (const auto& known : streams_) {
    auto stream = known.lock();
    if (!stream || stream->closed[0] || stream->closed[1]) continue;
    if (stream->endpoints[0].host == host || stream->endpoints[1].host == host) candidates.push_back(std::move(stream));
  }
  if (candidates.empty()) return false;
  Stream& chosen = *candidates[simulation_.random().below(candidates.size())];
  chosen.break_end(0);
  chosen.break_end(1);
  return true;
}

void Fabric::host_down(const std::string& host, Down how) {
  dying_.erase(host);
  states_[host] = how;
  for (const auto& known : streams_) {
    const auto stream = known.lock();
    if (!stream) continue;
    for (int side : {0, 1}) {
      if (stream->endpoints[static_cast<size_t>(side)].host != host) continue;
      stream->break_end(side);
      Duration delay = draw_delay();
      if (how == Down::kMachine) delay += simulation_.random().between(Duration::zero(), kSilenceMax);
      deliver(host, stream->peer_of(side).host, delay, [stream, side] { stream->break_end(1 - side); });
    }
  }
}

}  // namespace weir::sim
