// CleanerSettings: how the node compacts its logs, as the broker's settings are now: they may change at run time. A
// plain value; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"
#include "broker/config/config_layers.h"

namespace weir::broker {

struct CleanerSettings {
  bool enabled = true;   // log.cleaner.enable
  uint32_t at_once = 1;  // logs that are compacted at the same time: log.cleaner.threads
  size_t map_bytes = 0;  // of each: its share of log.cleaner.dedupe.buffer.size
  double map_load_factor = 0;
  size_t io_buffer_bytes = 0;   // of each of two buffers of each: a share of log.cleaner.io.buffer.size
  double bytes_per_second = 0;  // of each, read and written together
  Duration backoff{};           // until there is another look when nothing was dirty

  static CleanerSettings of(const BrokerLayers& layers);
};

}  // namespace weir::broker
