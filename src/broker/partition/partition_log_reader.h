// Reads a whole partition, batch by batch, as coordinators do when they load.
#pragma once

#include <functional>
#include <memory>

#include "base/seams.h"
#include "base/task.h"
#include "broker/partition/cold_reads.h"
#include "broker/partition/partition.h"
#include "protocol/record_batch.h"

namespace weir::broker {

// Hands every batch from the start of the log up to the high watermark to `visit`, on the partition's loop; the file is
// read on disk threads. The batch's bytes are valid during the call. Stops at the first error, of the disk or of
// `visit`.
Task<Result<>> read_partition(ColdReads& reads, DiskThreads& disk_threads, std::shared_ptr<Partition> partition,
                              std::function<Result<>(const protocol::RecordBatch&)> visit);

}  // namespace weir::broker
