// What the control batches of the metadata log say of the quorum itself. Plain functions; any thread.
#pragma once

#include "protocol/record.h"
#include "quorum/voter_set.h"

namespace weir::quorum {

// Calls visit(record) for each record of an uncompressed batch.
template <class Visit>
Result<> for_each_record(const protocol::RecordBatch& batch, const Visit& visit) {
  protocol::RecordCursor cursor(batch, batch.records());
  while (true) {
    TRY_ASSIGN(const auto record, cursor.next());
    if (!record) return {};
    TRY(visit(*record));
  }
}

// What a control batch says of kraft.version and voters, in force from its offset on. kCorrupt.
Result<> take_voters(const protocol::RecordBatch& batch, VoterHistory& voters);

}  // namespace weir::quorum
