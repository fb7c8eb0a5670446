// Sentences that several settings share in their tables.
#pragma once

#include <string_view>

namespace weir::broker::tables {

inline constexpr std::string_view kTls = "TLS listeners are not built yet; a listener that asks for TLS is refused.";
inline constexpr std::string_view kSasl = "SASL listeners are not built yet; a listener that asks for SASL is refused.";
inline constexpr std::string_view kTiered = "Tiered storage is not built yet.";
inline constexpr std::string_view kTransactions = "Transactions are not built yet.";
inline constexpr std::string_view kConsumerGroups =
    "The consumer rebalance protocol is not built yet; classic groups are.";
inline constexpr std::string_view kShareGroups = "Share groups are not built yet.";
inline constexpr std::string_view kStreamsGroups = "Streams groups are not built yet.";
inline constexpr std::string_view kReplication = "This part of the replication between nodes is not built yet.";
inline constexpr std::string_view kQuotas = "Limits of new connections beside those of addresses are not built yet.";
inline constexpr std::string_view kTokens = "Delegation tokens are not built yet.";
inline constexpr std::string_view kJava = "A Java class; weir runs none.";
inline constexpr std::string_view kPurgatory =
    "A waiting request is forgotten the moment it is answered; there is nothing to purge.";
inline constexpr std::string_view kThreads = "Every core has one loop thread that does this (weir.threads).";
inline constexpr std::string_view kMetrics =
    "Metrics are counters read at /metrics; there are no windows and no reporters.";

}  // namespace weir::broker::tables
