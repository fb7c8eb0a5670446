// Metadata records: what a record of __cluster_metadata-0 holds, framed as docs/formats/metadata-log.md says. Decoded
// records are views into the bytes they were decoded from. Plain values and functions; any thread.
#pragma once

#include <span>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/messages/abort_transaction_record.h"
#include "protocol/messages/access_control_entry_record.h"
#include "protocol/messages/begin_transaction_record.h"
#include "protocol/messages/broker_registration_change_record.h"
#include "protocol/messages/clear_elr_record.h"
#include "protocol/messages/client_quota_record.h"
#include "protocol/messages/config_record.h"
#include "protocol/messages/delegation_token_record.h"
#include "protocol/messages/end_transaction_record.h"
#include "protocol/messages/feature_level_record.h"
#include "protocol/messages/fence_broker_record.h"
#include "protocol/messages/no_op_record.h"
#include "protocol/messages/partition_change_record.h"
#include "protocol/messages/partition_record.h"
#include "protocol/messages/producer_ids_record.h"
#include "protocol/messages/register_broker_record.h"
#include "protocol/messages/register_controller_record.h"
#include "protocol/messages/remove_access_control_entry_record.h"
#include "protocol/messages/remove_delegation_token_record.h"
#include "protocol/messages/remove_topic_record.h"
#include "protocol/messages/remove_user_scram_credential_record.h"
#include "protocol/messages/topic_record.h"
#include "protocol/messages/unfence_broker_record.h"
#include "protocol/messages/unregister_broker_record.h"
#include "protocol/messages/user_scram_credential_record.h"
#include "protocol/messages/zk_migration_state_record.h"
#include "protocol/writer.h"
#include "quorum/metadata_version.h"

namespace weir::quorum {

using MetadataRecord =
    std::variant<protocol::RegisterBrokerRecord, protocol::UnregisterBrokerRecord, protocol::TopicRecord,
                 protocol::PartitionRecord, protocol::ConfigRecord, protocol::PartitionChangeRecord,
                 protocol::FenceBrokerRecord, protocol::UnfenceBrokerRecord, protocol::RemoveTopicRecord,
                 protocol::DelegationTokenRecord, protocol::UserScramCredentialRecord, protocol::FeatureLevelRecord,
                 protocol::ClientQuotaRecord, protocol::ProducerIdsRecord, protocol::BrokerRegistrationChangeRecord,
                 protocol::AccessControlEntryRecord, protocol::RemoveAccessControlEntryRecord, protocol::NoOpRecord,
                 protocol::ZkMigrationStateRecord, protocol::RemoveUserScramCredentialRecord,
                 protocol::BeginTransactionRecord, protocol::EndTransactionRecord, protocol::AbortTransactionRecord,
                 protocol::RemoveDelegationTokenRecord, protocol::RegisterControllerRecord, protocol::ClearElrRecord>;

// Every metadata record's value begins with it.
inline constexpr uint32_t kMetadataFrameVersion = 1;

// kUnsupported for a type or a version that 4.3.1 does not have, kCorrupt for bytes that do not parse. Neither can be
// skipped: the metadata would be wrong from there on.
Result<MetadataRecord> decode_metadata_record(ByteView value);

// The version that a record has at a level of metadata.version.
template <class Record>
constexpr int16_t record_version(const Record&, MetadataVersion) {
  return 0;
}
inline int16_t record_version(const protocol::RegisterBrokerRecord&, MetadataVersion version) {
  return version.register_broker_record();
}
inline int16_t record_version(const protocol::PartitionRecord&, MetadataVersion version) {
  return version.partition_record();
}
inline int16_t record_version(const protocol::PartitionChangeRecord&, MetadataVersion version) {
  return version.partition_record();
}
// The lowest that can say it: whoever changes log directories or cordons them has checked that the level knows of them.
inline int16_t record_version(const protocol::BrokerRegistrationChangeRecord& record, MetadataVersion) {
  return record.cordoned_log_dirs ? 3 : !record.log_dirs.empty() ? 2 : record.in_controlled_shutdown != 0 ? 1 : 0;
}

// Encoded metadata records in the order in which they go to the log. Owns its bytes.
class MetadataRecords {
 public:
  explicit MetadataRecords(MetadataVersion version) : version_(version) {}

  // Encodes `record` at the version that it has at this list's metadata.version. The record's strings were checked
  // before: one that does not fit the record breaks an invariant.
  template <class Record>
  void add(const Record& record) {
    const int16_t version = record_version(record, version_);
    begin(Record::kRecordType, version);
    finish(record.encode(writer_, version));
  }
  // Adds the value of a record that is encoded already.
  void add_encoded(ByteView value);
  // What follows is encoded at another metadata.version.
  void set_version(MetadataVersion version) { version_ = version; }

  [[nodiscard]] MetadataVersion version() const { return version_; }
  [[nodiscard]] size_t size() const { return ends_.size(); }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  // The value of the record, with its frame; valid until the next add().
  [[nodiscard]] ByteView operator[](size_t index) const;
  [[nodiscard]] size_t size_bytes() const { return writer_.size(); }
  // At most `most` of the records, from that index on.
  [[nodiscard]] MetadataRecords part(size_t from, size_t most) const;

 private:
  void begin(int16_t type, int16_t version);
  void finish(Result<> encoded);

  MetadataVersion version_;
  protocol::Writer writer_;
  std::vector<size_t> ends_;
};

// Adds what a new cluster of `version` has turned on: metadata.version itself, then the other features by name.
void add_default_features(MetadataVersion version, MetadataRecords& records);

}  // namespace weir::quorum
