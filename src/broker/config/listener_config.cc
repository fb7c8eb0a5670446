#include "broker/config/listener_config.h"

#include <fmt/format.h>

#include <cctype>

#include "broker/config/config_value.h"

namespace weir::broker {
namespace {

constexpr std::array<std::string_view, 4> kProtocolNames = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};

std::unexpected<Error> invalid(std::string message) { return fail(Errc::kInvalidArgument, std::move(message)); }

std::string in_capitals(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

}  // namespace

std::string_view protocol_name(SecurityProtocol protocol) { return kProtocolNames[static_cast<size_t>(protocol)]; }

Result<SecurityProtocol> parse_protocol(std::string_view text) {
  const auto at = std::ranges::find(kProtocolNames, in_capitals(trim(text)));
  if (at == kProtocolNames.end()) {
    return invalid(fmt::format("'{}' is no security protocol: {} are", text, fmt::join(kProtocolNames, ", ")));
  }
  return static_cast<SecurityProtocol>(at - kProtocolNames.begin());
}

Result<ProtocolMap> parse_protocol_map(std::string_view text) {
  ProtocolMap protocols;
  for (const auto& item : parse_list(text)) {
    const auto colon = item.find(':');
    if (colon == std::string::npos) return invalid(fmt::format("'{}' is not of the form NAME:PROTOCOL", item));
    TRY_ASSIGN(const auto protocol, parse_protocol(std::string_view(item).substr(colon + 1)));
    protocols.insert_or_assign(in_capitals(trim(std::string_view(item).substr(0, colon))), protocol);
  }
  return protocols;
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid(fmt::format("'{}' is not of the form HOST:PORT", text));
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return invalid(fmt::format("'{}': an IPv6 address is written in brackets, as [::1]:9092", text));
  }
  const auto port = parse_integer(text.substr(colon + 1), 0, 65535);
  if (!port) return invalid(fmt::format("'{}': the port is a number up to 65535", text));
  return Endpoint{.host = std::string(host), .port = static_cast<uint16_t>(*port)};
}

Result<HttpTarget> parse_http_target(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  const auto malformed = [&] { return invalid(fmt::format("'{}' is not of the form http://HOST:PORT/PATH", text)); };
  if (!text.starts_with(kScheme)) return malformed();
  const std::string_view rest = text.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  TRY_ASSIGN(Endpoint endpoint, parse_endpoint(rest.substr(0, slash)));
  const std::string_view path = slash == rest.size() ? "/" : rest.substr(slash);
  const bool is_plain = std::ranges::all_of(path, [](char c) { return c > ' ' && c <= '~'; });
  if (endpoint.host.empty() || endpoint.port == 0 || !is_plain) return malformed();
  return HttpTarget{.endpoint = std::move(endpoint), .path = std::string(path)};
}

Result<std::vector<Endpoint>> parse_endpoints(std::string_view text) {
  std::vector<Endpoint> endpoints;
  for (const auto& item : parse_list(text)) {
    TRY_ASSIGN(auto endpoint, parse_endpoint(item));
    if (endpoint.host.empty() || endpoint.port == 0)
      return invalid(fmt::format("'{}' needs a host and a port to connect to", item));
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

Result<std::vector<ListenerConfig>> parse_listeners(std::string_view text, const ProtocolMap& protocols) {
  std::vector<ListenerConfig> listeners;
  for (const auto& item : parse_list(text)) {
    const auto separator = item.find("://");
    if (separator == std::string::npos || separator == 0)
      return invalid(fmt::format("'{}' is not of the form NAME://HOST:PORT", item));
    const std::string name = in_capitals(item.substr(0, separator));
    const auto protocol = protocols.find(name);
    if (protocol == protocols.end()) {
      return invalid(fmt::format("listener {} has no protocol in listener.security.protocol.map", name));
    }
    if (contains(listeners, name, &ListenerConfig::name)) {
      return invalid(fmt::format("two listeners have the name {}", name));
    }
    TRY_ASSIGN(auto endpoint, parse_endpoint(std::string_view(item).substr(separator + 3)));
    listeners.push_back({.name = name, .protocol = protocol->second, .endpoint = std::move(endpoint)});
  }
  return listeners;
}

Result<std::vector<QuorumVoter>> parse_voters(std::string_view text) {
  std::vector<QuorumVoter> voters;
  for (const auto& item : parse_list(text)) {
    const auto at = item.find('@');
    const auto id = parse_integer(std::string_view(item).substr(0, at), 0, std::numeric_limits<int32_t>::max());
    if (at == std::string::npos || !id) return invalid(fmt::format("'{}' is not of the form ID@HOST:PORT", item));
    TRY_ASSIGN(auto endpoint, parse_endpoint(std::string_view(item).substr(at + 1)));
    const NodeId node(static_cast<int32_t>(*id));
    if (contains(voters, node, &QuorumVoter::id))
      return invalid(fmt::format("two voters have the id {}", node.value()));
    voters.push_back({.id = node, .endpoint = std::move(endpoint)});
  }
  return voters;
}

}  // namespace weir::broker
