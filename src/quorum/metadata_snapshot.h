// The records that make an image out of nothing: what a snapshot of the metadata holds. Pure; any thread, for the image
// never changes.
#pragma once

#include "quorum/metadata_image.h"
#include "quorum/metadata_record.h"

namespace weir::quorum {

// At the image's metadata.version: features first, then brokers, controllers, topics and the rest.
MetadataRecords image_to_records(const MetadataImage& image);

}  // namespace weir::quorum
