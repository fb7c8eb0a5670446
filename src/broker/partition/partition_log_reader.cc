#include "broker/partition/partition_log_reader.h"

namespace weir::broker {
namespace {

// Read at once: a few milliseconds of a disk, and of the loop that looks at it.
constexpr size_t kReadSize = size_t{1} << 20;

// Hands the whole batches at the front of `bytes` to `visit`; where the next one begins.
Result<Offset> visit_batches(ByteView bytes, Offset from, Offset end,
                             const std::function<Result<>(const protocol::RecordBatch&)>& visit) {
  for (bool first = true; bytes.size() >= protocol::kEntrySniffSize; first = false) {
    TRY_ASSIGN(const auto frame, protocol::sniff_entry(bytes));
    // The last batch of a read may be cut; the first one is always whole.
    if (!first && frame && frame->size > bytes.size()) break;
    TRY_ASSIGN(const protocol::RecordBatch batch, protocol::take_batch(bytes));
    if (batch.base_offset() >= end) break;
    TRY(protocol::check_batch(batch));
    TRY(visit(batch));
    from = batch.next_offset();
  }
  return from;
}

}  // namespace

Task<Result<>> read_partition(ColdReads& reads, DiskThreads& disk_threads, std::shared_ptr<Partition> partition,
                              std::function<Result<>(const protocol::RecordBatch&)> visit) {
  Offset from = partition->log().log_start_offset();
  const Offset end = partition->high_watermark();
  while (from < end) {
    CO_TRY_ASSIGN(const storage::ReadResult found, co_await reads.look_up(partition, [from, end](storage::Log& log) {
      return log.read(from, kReadSize, end, true);
    }));
    if (found.records.length == 0) break;
    const Buffer buffer = Buffer::allocate(found.records.length);
    CO_TRY_ASSIGN(const size_t size, co_await disk_threads.run([region = found.records, buffer] {
      return region.file->read_at(region.position, {buffer.data(), region.length});
    }));
    const Offset before = from;
    CO_TRY_ASSIGN(from, visit_batches({buffer.data(), size}, from, end, visit));
    if (from == before) co_return fail(Errc::kCorrupt, partition->topic() + " holds a batch that leads nowhere");
  }
  co_return Result<>();
}

}  // namespace weir::broker
