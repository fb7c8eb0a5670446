// Listeners and quorum voters as they are written in the settings: NAME://HOST:PORT,... and ID@HOST:PORT,... Plain
// values and functions; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/seams.h"
#include "base/types.h"

namespace weir::broker {

// Where an http:// address leads to.
struct HttpTarget {
  Endpoint endpoint;
  std::string path;
};

// The numbers are those of broker registrations.
enum class SecurityProtocol : int16_t { kPlaintext = 0, kSsl = 1, kSaslPlaintext = 2, kSaslSsl = 3 };

struct ListenerConfig {
  std::string name;  // in capitals
  SecurityProtocol protocol = SecurityProtocol::kPlaintext;
  Endpoint endpoint;  // host "": every address of this machine

  friend bool operator==(const ListenerConfig&, const ListenerConfig&) = default;
};

struct QuorumVoter {
  NodeId id;
  Endpoint endpoint;

  friend bool operator==(const QuorumVoter&, const QuorumVoter&) = default;
};

using ProtocolMap = std::map<std::string, SecurityProtocol, std::less<>>;

// All of them: kInvalidArgument names the part that is wrong and what was expected.

// "NAME:PROTOCOL,..."
Result<ProtocolMap> parse_protocol_map(std::string_view text);
// "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL", in any case.
Result<SecurityProtocol> parse_protocol(std::string_view text);
std::string_view protocol_name(SecurityProtocol protocol);
// "NAME://HOST:PORT,..."; names are distinct, and each has a protocol in `protocols`.
Result<std::vector<ListenerConfig>> parse_listeners(std::string_view text, const ProtocolMap& protocols);
// "HOST:PORT", an IPv6 address in brackets; the host may be empty.
Result<Endpoint> parse_endpoint(std::string_view text);
// http://HOST:PORT/PATH.
Result<HttpTarget> parse_http_target(std::string_view text);
// "HOST:PORT,..."
Result<std::vector<Endpoint>> parse_endpoints(std::string_view text);
// "ID@HOST:PORT,..."
Result<std::vector<QuorumVoter>> parse_voters(std::string_view text);

}  // namespace weir::broker
