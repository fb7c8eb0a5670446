// Partitions of topics and the offsets that places in them stand for, asked of the cluster. Loop thread only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/place_spec.h"
#include "weir/admin.h"

namespace weir::cli {

// All partitions of the topic, or those chosen. kNotFound for a topic or a partition that does not exist.
Task<Result<std::vector<client::TopicPartition>>> partitions_of(client::Admin& admin, std::string topic,
                                                                std::vector<int32_t> chosen);

// The error for a topic that was asked for, with the name that may have been meant where there is none.
Task<Error> explained(client::Admin& admin, std::string topic, Error error);

// The offset of the place in each partition, held within what the log has: a place before the first offset is that, one
// behind the last, or a time after the last record, is the end.
Task<Result<std::map<client::TopicPartition, Offset>>> offsets_at(client::Admin& admin,
                                                                  std::vector<client::TopicPartition> places,
                                                                  PlaceSpec spec);

}  // namespace weir::cli
