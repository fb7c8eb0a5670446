// Record values that compress as logs and events do (about 3 to 4 times), the same in every run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::bench {

class Payloads {
 public:
  // record_bytes is the size of every value.
  explicit Payloads(size_t record_bytes);

  std::string_view at(int64_t number) const { return values_[static_cast<size_t>(number) % values_.size()]; }

 private:
  std::vector<std::string> values_;
};

}  // namespace weir::bench
