#include "quorum/metadata_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "protocol/reader.h"

namespace weir::quorum {
namespace {

template <class Record>
Result<MetadataRecord> decode_as(protocol::Reader& in, int16_t version) {
  Record record;
  TRY(record.decode(in, version));
  TRY(in.expect_end(Record::kName));
  return record;
}

template <size_t... Index>
Result<MetadataRecord> decode_body(protocol::Reader& in, uint32_t type, int16_t version,
                                   std::index_sequence<Index...>) {
  std::optional<Result<MetadataRecord>> decoded;
  // One comparison per type, until the one that matches.
  (void)((std::variant_alternative_t<Index, MetadataRecord>::kRecordType == static_cast<int64_t>(type) &&
          (decoded = decode_as<std::variant_alternative_t<Index, MetadataRecord>>(in, version), true)) ||
         ...);
  if (!decoded) return fail(Errc::kUnsupported, fmt::format("a metadata record of unknown type {}", type));
  return *std::move(decoded);
}

}  // namespace

Result<MetadataRecord> decode_metadata_record(ByteView value) {
  protocol::Reader in(value);
  const uint32_t frame_version = in.unsigned_varint();
  const uint32_t type = in.unsigned_varint();
  const uint32_t version = in.unsigned_varint();
  TRY(in.status("the frame of a metadata record", kMetadataFrameVersion));
  if (frame_version != kMetadataFrameVersion) {
    return fail(Errc::kUnsupported, fmt::format("a metadata record with frame version {}", frame_version));
  }
  if (version > INT16_MAX) return fail(Errc::kCorrupt, fmt::format("a metadata record of version {}", version));
  return decode_body(in, type, static_cast<int16_t>(version),
                     std::make_index_sequence<std::variant_size_v<MetadataRecord>>());
}

void add_default_features(MetadataVersion version, MetadataRecords& records) {
  records.add(protocol::FeatureLevelRecord{.name = kMetadataVersionFeature, .feature_level = version.level()});
  for (const Feature& feature : features()) {
    const int16_t level = feature.default_level(version);
    // kraft.version is the quorum's own: it stands in control records.
    if (level == 0 || feature.name == kKraftVersionFeature) continue;
    records.add(protocol::FeatureLevelRecord{.name = feature.name, .feature_level = level});
  }
}

ByteView MetadataRecords::operator[](size_t index) const {
  CHECK(index < ends_.size(), "record {} of {}", index, ends_.size());
  const size_t start = index == 0 ? 0 : ends_[index - 1];
  return writer_.view().subspan(start, ends_[index] - start);
}

void MetadataRecords::add_encoded(ByteView value) {
  writer_.raw(value);
  ends_.push_back(writer_.size());
}

MetadataRecords MetadataRecords::part(size_t from, size_t most) const {
  MetadataRecords some(version_);
  for (size_t i = from; i < std::min(size(), from + most); ++i) some.add_encoded((*this)[i]);
  return some;
}

void MetadataRecords::begin(int16_t type, int16_t version) {
  writer_.unsigned_varint(kMetadataFrameVersion);
  writer_.unsigned_varint(static_cast<uint32_t>(type));
  writer_.unsigned_varint(static_cast<uint32_t>(version));
}

void MetadataRecords::finish(Result<> encoded) {
  CHECK(encoded.has_value(), "{}", encoded.error().message);
  ends_.push_back(writer_.size());
}

}  // namespace weir::quorum
