// The files of this folder, read for tests: what Apache Kafka 4.3.1 wrote and sent. README.md says what each of them
// is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace weir::golden {

// The lines of tests/golden/NAME, a gzip file.
std::vector<std::string> lines(std::string_view name);
// The files of tests/golden/NAME, a tar.gz: path -> content.
std::map<std::string, std::string> archive(std::string_view name);
// tests/golden/NAME as it is.
std::string file(std::string_view name);

ByteVector from_hex(std::string_view hex);
std::string to_hex(ByteView bytes);

// Members of a line `{"a":...,"b":...}` as the files here have them: without blanks, the names of the outer object
// before any inner one of the same name. A string's text, a number, and the JSON of the member `name` that stands
// before the member `next` (or is the last).
std::string_view text_of(std::string_view line, std::string_view name);
int64_t number_of(std::string_view line, std::string_view name);
std::string_view json_of(std::string_view line, std::string_view name, std::string_view next = {});

}  // namespace weir::golden
