#include "client/positions.h"

#include <algorithm>

namespace weir::client {

void Positions::assign(const std::vector<TopicPartition>& places, Known start, OffsetReset reset) {
  std::map<TopicPartition, Partition> next;
  for (const TopicPartition& place : places) {
    auto kept = partitions_.extract(place);
    if (kept) {
      next.insert(std::move(kept));
    } else {
      Partition& fresh = next[place];
      fresh.known = start;
      fresh.reset = reset;
      fresh.incarnation = ++incarnations_;
    }
  }
  partitions_ = std::move(next);
}

Positions::Partition* Positions::find(const TopicPartition& place) {
  const auto at = partitions_.find(place);
  return at == partitions_.end() ? nullptr : &at->second;
}

const Positions::Partition* Positions::find(const TopicPartition& place) const {
  const auto at = partitions_.find(place);
  return at == partitions_.end() ? nullptr : &at->second;
}

void Positions::seek(Partition& partition, Offset offset) {
  partition.known = Known::kYes;
  partition.position = partition.next_fetch = offset;
  partition.fetched.clear();
  partition.incarnation = ++incarnations_;
}

void Positions::reset(Partition& partition) {
  partition.known = Known::kReset;
  partition.fetched.clear();
  partition.incarnation = ++incarnations_;
}

std::vector<TopicPartition> Positions::places() const {
  std::vector<TopicPartition> places;
  for (const auto& [place, partition] : partitions_) places.push_back(place);
  return places;
}

Result<> Positions::read(size_t count, ConsumedRecords& out) {
  // Beginning behind the partition that was read last, so that a busy one does not starve the others.
  auto at = partitions_.upper_bound(last_read_);
  for (size_t looked_at = 0; looked_at < partitions_.size() && out.records.size() < count; ++looked_at, ++at) {
    if (at == partitions_.end()) at = partitions_.begin();
    auto& [place, partition] = *at;
    while (!partition.fetched.empty() && out.records.size() < count) {
      FetchedRecords& first = partition.fetched.front();
      auto read = first.read(count - out.records.size(), out);
      if (!read && out.records.empty()) {
        return fail(read.error().code, place.to_string() + " at offset " + std::to_string(first.position().value()) +
                                           ": " + read.error().message);
      }
      partition.position = first.position();
      if (!read) return {};
      if (!first.at_end()) break;
      partition.fetched.pop_front();
    }
    if (!out.records.empty()) last_read_ = place;
  }
  return {};
}

bool Positions::has_fetched() const {
  return std::ranges::any_of(partitions_, [](const auto& p) { return !p.second.fetched.empty(); });
}

size_t Positions::bytes_fetched() const {
  size_t bytes = 0;
  for (const auto& [place, partition] : partitions_) {
    for (const FetchedRecords& fetched : partition.fetched) bytes += fetched.size_bytes();
  }
  return bytes;
}

std::map<TopicPartition, Offset> Positions::uncommitted() const {
  std::map<TopicPartition, Offset> offsets;
  for (const auto& [place, partition] : partitions_) {
    if (partition.known == Known::kYes && partition.position != partition.committed) {
      offsets.emplace(place, partition.position);
    }
  }
  return offsets;
}

void Positions::committed(const std::map<TopicPartition, Offset>& offsets) {
  for (const auto& [place, offset] : offsets) {
    if (Partition* partition = find(place)) partition->committed = offset;
  }
}

}  // namespace weir::client
