// QuotaService: the quotas as one shard sees them: the limits, and the usage of those whose home it is. A charge goes
// to the home of its key, wherever the connection is, so that a limit holds for all connections of a client together
// (docs/decisions/0011-quotas-at-home.md). Owned by its shard; its loop only.
#pragma once

#include <memory>

#include "base/task.h"
#include "broker/quota/quota_ledger.h"
#include "quorum/metadata_image.h"

namespace weir::broker {

class BrokerShard;
struct RequestContext;

class QuotaService {
 public:
  QuotaService(BrokerShard& shard, QuotaWindows windows) : shard_(shard), ledger_(windows) {}

  // The limits are now those of `image`.
  void set_limits(const quorum::MetadataImage& image) { table_ = QuotaTable(image); }
  // Whether any request has to be counted: false, and there is nothing to do for any of them.
  [[nodiscard]] bool is_active() const {
    return table_.limits(QuotaKind::kProduce) || table_.limits(QuotaKind::kFetch) || table_.limits(QuotaKind::kRequest);
  }

  // How much the client of a request may fetch at once without being throttled for sure.
  [[nodiscard]] size_t fetch_size_max(const RequestContext& context) const;
  // Charges the client of a request, and notes in the context how long it is to be throttled.
  Task<void> charge(RequestContext& context, QuotaKind kind, double amount, OverLimit over = OverLimit::kCounts);
  // Charges the time that the request has taken; once, however often it is called.
  Task<void> charge_time(RequestContext& context);
  // How long a connection from an address is to be kept waiting before it is closed; zero: it is welcome. The shard of
  // the acceptors only.
  std::chrono::milliseconds charge_connection(std::string_view address);

 private:
  BrokerShard& shard_;
  QuotaTable table_;
  QuotaLedger ledger_;
};

}  // namespace weir::broker
