#include "broker/partition/cold_reads.h"

namespace weir::broker {

Task<Result<>> ColdReads::bring_in(FileRegion region) {
  while (under_way_ == kUnderWayMax) co_await turns_.wait();
  ++under_way_;
  ++metrics_.cold_reads;
  Result<> read = co_await threads_.run(
      [region = std::move(region)] { return region.file->bring_in(region.position, region.length); },
      DiskWork::kColdRead);
  --under_way_;
  turns_.notify_one();
  co_return read;
}

}  // namespace weir::broker
