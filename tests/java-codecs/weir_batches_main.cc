// weir's side of the comparison of record batches (run says what it is). `make FILE SEED` writes random batches in
// every codec and level; `check FILE` opens the batches of a file and makes the uncompressed form again. A file is a
// row of entries: codec (string), int16 level, the batch without compression (bytes), the batch with it (bytes), in the
// protocol's inflexible encodings.
#include <fmt/core.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "protocol/batch_builder.h"
#include "protocol/reader.h"
#include "protocol/testing/random_message.h"
#include "protocol/writer.h"

namespace weir::protocol {
namespace {

constexpr size_t kContentMax = size_t{16} << 20;
constexpr int kBatchesPerLevel = 3;
constexpr size_t kLongValue = 150'000;  // spans several blocks of every codec

// A sample of the levels that the configs allow: the codecs' libraries clamp the others.
std::vector<int16_t> levels_of(Compression codec) {
  auto [min, max, usual] = compression_levels(codec);
  if (codec == Compression::kZstd) return {-5, 1, 3, 9};
  std::vector<int16_t> levels;
  for (int level = min; level <= max; level += 3) levels.push_back(static_cast<int16_t>(level));
  return levels;
}

struct Made {
  Timestamp timestamp;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::vector<RecordHeader> headers;
};

std::vector<Made> random_records(RandomMessages& random) {
  std::vector<Made> records(1 + random.random().below(100));
  for (Made& record : records) {
    record.timestamp = Timestamp(static_cast<int64_t>(random.random().below(uint64_t{1} << 42)));
    if (random.random().below(4) != 0) record.key = as_bytes(random.text());
    if (random.random().below(4) != 0) record.value = as_bytes(random.bytes(random.random().below(300)));
    for (uint64_t i = random.random().below(3); i > 0; --i) record.headers.push_back({random.text(), record.value});
  }
  records.front().value = as_bytes(random.bytes(random.random().below(kLongValue)));
  return records;
}

SharedBytes batch_of(const std::vector<Made>& records, Compression codec, int level) {
  BatchBuilder builder({.codec = codec, .level = level});
  for (const Made& record : records) builder.append(record.timestamp, record.key, record.value, record.headers);
  return builder.finish();
}

int make(const std::string& path, uint64_t seed) {
  Writer out;
  RandomMessages random(seed);
  for (auto codec :
       {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
    for (int16_t level : levels_of(codec)) {
      for (int i = 0; i < kBatchesPerLevel; ++i) {
        auto records = random_records(random);
        out.string(compression_name(codec), false);
        out.int16(level);
        out.bytes(batch_of(records, Compression::kNone, level).bytes, false);
        out.bytes(batch_of(records, codec, level).bytes, false);
      }
    }
  }
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(out.view().data()), static_cast<std::streamsize>(out.size()));
  return 0;
}

// The batch of the records of `packed`, without compression.
Result<SharedBytes> unpacked(ByteView packed) {
  TRY_ASSIGN(RecordBatch batch, take_batch(packed));
  TRY(check_producer_batch(batch));
  TRY_ASSIGN(OpenBatch open, open_batch(batch, kContentMax));
  BatchBuilder builder({});
  for (;;) {
    TRY_ASSIGN(auto record, open.cursor.next());
    if (!record) return builder.finish();
    std::vector<RecordHeader> headers;
    for (auto left = record->headers; auto header = left.next();) headers.push_back(*header);
    builder.append(record->timestamp, record->key, record->value, headers);
  }
}

int check(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  Reader in(as_bytes(content));
  int count = 0;
  int failures = 0;
  for (; in.remaining() > 0; ++count) {
    auto codec = in.string(false);
    auto level = in.int16();
    auto plain = in.bytes(false);
    auto packed = in.bytes(false);
    CHECK(!in.failed(), "entry {} of {}", count, path);
    auto ours = unpacked(packed);
    if (ours && as_text(ours->bytes) == as_text(plain)) continue;
    ++failures;
    fmt::print("{} level {}: {}\n", codec, level, ours ? "other records came out" : ours.error().message);
  }
  fmt::print("{} batches of Kafka's read by weir, {} differ\n", count, failures);
  return count > 0 && failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace weir::protocol

int main(int argc, char** argv) {
  std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "make" && argc == 4) return weir::protocol::make(argv[2], std::stoull(argv[3]));
  if (mode == "check" && argc == 3) return weir::protocol::check(argv[2]);
  fmt::print(stderr, "usage: weir_batches make FILE SEED | check FILE\n");
  return 2;
}
