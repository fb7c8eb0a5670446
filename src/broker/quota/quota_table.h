// QuotaTable: the limits that the metadata set, made to be looked up by who asks. Not changed once made; any thread.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "broker/quota/sensor_cache.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

// The limit that holds for a request, and whose usage counts towards it.
struct QuotaLimit {
  double bound;  // a second
  QuotaKey key;
};

class QuotaTable {
 public:
  QuotaTable() = default;
  explicit QuotaTable(const quorum::MetadataImage& image);

  // Whether anybody is limited so. Of kConnection: any address.
  [[nodiscard]] bool limits(QuotaKind kind) const { return !of(kind).is_empty; }
  // What holds for a client; nothing: no limit. The most specific entity decides, in Kafka's order: (user, client id),
  // (user, any client), user, (any user, client id), (any user, any client), any user, client id, any client id.
  // Clients without an id have only the limits of users.
  [[nodiscard]] std::optional<QuotaLimit> find(QuotaKind kind, std::string_view user, std::string_view client_id) const;
  // What holds for connections from an address.
  [[nodiscard]] std::optional<QuotaLimit> find_address(std::string_view address) const;

 private:
  using Bounds = std::map<std::string, double, std::less<>>;
  // By name, and for those without a limit of their own.
  struct Named {
    Bounds by_name;
    std::optional<double> others;
    [[nodiscard]] std::optional<double> own(std::string_view name) const;
  };
  struct OfKind {
    bool is_empty = true;
    Named users;
    Named clients;
    std::map<std::string, Named, std::less<>> clients_of_user;
    Named clients_of_any_user;
  };
  void add(const quorum::QuotaEntity& entity, QuotaKind kind, double bound);
  [[nodiscard]] const OfKind& of(QuotaKind kind) const { return kinds_[static_cast<size_t>(kind)]; }

  std::array<OfKind, kQuotaKinds> kinds_;
};

}  // namespace weir::broker
