#include "quorum/control_batch.h"

#include "protocol/control_record.h"
#include "protocol/messages/kraft_version_record.h"
#include "protocol/messages/voters_record.h"
#include "protocol/reader.h"

namespace weir::quorum {

using protocol::ControlType;

Result<> take_voters(const protocol::RecordBatch& batch, VoterHistory& voters) {
  return for_each_record(batch, [&](const protocol::Record& record) -> Result<> {
    if (!record.key || !record.value) return fail(Errc::kCorrupt, "a control record without key or value");
    TRY_ASSIGN(const ControlType type, protocol::parse_control_key(*record.key));
    protocol::Reader in(*record.value);
    if (type == ControlType::kKraftVersion) {
      protocol::KRaftVersionRecord version;
      TRY(version.decode(in, 0));
      voters.add_kraft_version(record.offset, version.kraft_version);
    } else if (type == ControlType::kKraftVoters) {
      protocol::VotersRecord set;
      TRY(set.decode(in, 0));
      voters.add_voters(record.offset, VoterSet::from_record(set));
    }
    return {};
  });
}

}  // namespace weir::quorum
