#include "sim/worlds/node_clients.h"

#include <utility>

#include "client/cluster.h"
#include "protocol/messages/alter_partition_reassignments_request.h"
#include "protocol/messages/alter_partition_reassignments_response.h"
#include "protocol/messages/alter_replica_log_dirs_request.h"
#include "protocol/messages/alter_replica_log_dirs_response.h"
#include "protocol/messages/elect_leaders_request.h"
#include "protocol/messages/elect_leaders_response.h"
#include "protocol/messages/metadata_request.h"
#include "protocol/messages/metadata_response.h"

namespace weir::sim {
namespace {

constexpr std::string_view kGroup = "readers";
constexpr int kTopics = 2;
constexpr int32_t kPartitions = 3;
constexpr size_t kValueSizeMax = 20'000;
// Before that a client has tried nothing a second time.
constexpr Duration kNoRetryBefore = milliseconds(100);

std::string topic_name(int number) { return fmt::format("orders-{}", number); }

}  // namespace

NodeClients::NodeClients(Simulation& simulation, Fabric& fabric, History& history, std::vector<Endpoint> nodes)
    : simulation_(simulation), history_(history), nodes_(std::move(nodes)), machine_(simulation, fabric, "client") {
  for (int topic = 0; topic < kTopics; ++topic) {
    for (int32_t index = 0; index < kPartitions; ++index) places_.push_back({topic_name(topic), PartitionIndex(index)});
  }
  machine_.start(1);
}

client::ClientOptions NodeClients::options(const std::string& id) const {
  return {.bootstrap = nodes_,
          .client_id = id,
          .allow_auto_create_topics = false,
          .request_timeout = seconds(5),
          .api_timeout = seconds(20)};
}

protocol::BrokerConnection NodeClients::connect(NodeId node, const std::string& id) {
  const Seams seams = machine_.seams();
  return {seams.network, seams.random,
          loop(),        client::connection_options(options(id)),
          node,          nodes_.at(static_cast<size_t>(node.value() - 1))};
}

Task<void> NodeClients::counted(Task<void> task) {
  co_await std::move(task);
  --running_;
}

void NodeClients::begin(Task<void> task) {
  ++running_;
  loop().spawn(counted(std::move(task)));
}

void NodeClients::start(uint64_t round) {
  stopping_ = false;
  machine_.loop(0).run_inside([this, round] {
    if (!topics_made_) begin(make_topics());
    const uint64_t producers = simulation_.random().between(1, 3);
    for (uint64_t i = 0; i < producers; ++i) begin(produce(fmt::format("producer-{}-{}", round, i)));
    begin(read_all(fmt::format("reader-{}", round)));
    const uint64_t members = simulation_.random().between(1, 2);
    for (uint64_t i = 0; i < members; ++i) begin(consume_in_group(fmt::format("member-{}-{}", round, i)));
    begin(make_and_delete(round));
    if (!directories_.empty()) begin(move_replicas());
    if (replicas_ > 1) begin(reassign_partitions());
  });
}

void NodeClients::kill() {
  machine_.kill();
  running_ = 0;
  machine_.start(1);
}

Task<void> NodeClients::make_topics() {
  client::Admin admin(client::Client(machine_.seams(), loop(), options("maker")));
  while (!topics_made_ && !stopping_) {
    std::vector<client::NewTopic> topics;
    for (int i = 0; i < kTopics; ++i) topics.push_back({.name = topic_name(i), .partitions = kPartitions});
    for (const auto& topic : topics) history_.report(&Invariant::on_topic_asked_for, topic.name);
    const auto outcomes = co_await admin.create_topics(topics);
    bool all = outcomes.has_value();
    for (size_t i = 0; all && i < outcomes->size(); ++i) {
      const auto& [name, result] = (*outcomes)[i];
      const bool there = result.has_value() || result.error().code == Errc::kAlreadyExists;
      simulation_.trace("topic {}: {}", name, result ? "made" : result.error().message);
      if (there) history_.report(&Invariant::on_topic_created, name);
      all = all && there;
    }
    topics_made_ = all;
    if (!all) co_await sleep_for(milliseconds(200));
  }
}

// To and fro, also before the last move has ended, and to directories that fail. What becomes of it shows in the
// records.
Task<void> NodeClients::move_replicas() {
  protocol::BrokerConnection connection = connect(NodeId(1), "mover");
  while (!stopping_) {
    co_await sleep_for(simulation_.random().between(milliseconds(50), milliseconds(1500)));
    const client::TopicPartition& place = places_[simulation_.random().below(places_.size())];
    const std::string& directory = directories_[simulation_.random().below(directories_.size())];
    protocol::AlterReplicaLogDirsRequest request;
    auto& wish = request.dirs.emplace_back();
    wish.path = directory;
    wish.topics.push_back({place.topic, {place.partition.value()}});
    const auto reply = co_await connection.call(request, loop().now() + seconds(5));
    simulation_.trace(
        "{} shall move to {}: {}", place.to_string(), directory,
        reply ? std::to_string(reply->message.results.at(0).partitions.at(0).error_code) : reply.error().message);
  }
}

// Also before the last reassignment has ended; now and then one is taken back.
Task<void> NodeClients::reassign_partitions() {
  SimRandom& random = simulation_.random();
  while (!stopping_) {
    co_await sleep_for(random.between(milliseconds(100), seconds(5)));
    const NodeId node(static_cast<int32_t>(random.between(1, nodes_.size())));
    protocol::BrokerConnection connection = connect(node, "reassigner");
    const MonotonicTime deadline = loop().now() + seconds(5);
    const client::TopicPartition& place = places_[random.below(places_.size())];
    if (random.percent(30)) {
      const auto reply = co_await connection.call(
          protocol::ElectLeadersRequest{.topic_partitions = std::nullopt, .timeout_ms = 3000}, deadline);
      simulation_.trace("preferred leaders by {}: {}", node.value(), reply ? "answered" : reply.error().message);
      continue;
    }
    std::vector<int32_t> replicas;
    for (size_t i = 1; i <= nodes_.size(); ++i) replicas.push_back(static_cast<int32_t>(i));
    for (size_t i = 0; i < replicas.size(); ++i)
      std::swap(replicas[i], replicas[random.between(i, replicas.size() - 1)]);
    replicas.resize(replicas_);
    protocol::AlterPartitionReassignmentsRequest request;
    auto& topic = request.topics.emplace_back();
    topic.name = place.topic;
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = place.partition.value();
    if (random.percent(90)) partition.replicas = replicas;
    const auto reply = co_await connection.call(request, deadline);
    simulation_.trace("{} shall have the replicas {}: {}", place.to_string(),
                      partition.replicas ? fmt::format("{}", fmt::join(replicas, ",")) : "that it had",
                      !reply                           ? reply.error().message
                      : reply->message.error_code != 0 ? std::to_string(reply->message.error_code)
                      : reply->message.responses.empty()
                          ? "nothing"
                          : std::to_string(reply->message.responses.at(0).partitions.at(0).error_code));
  }
}

Task<void> NodeClients::produce(std::string name) {
  // Who gave up once does not go on under his name: he does not know what became of his records.
  for (int life = 0; !stopping_; ++life) {
    const std::string alias = fmt::format("{}-{}", name, life);
    client::Client client(machine_.seams(), loop(), options(alias));
    client::Producer producer(client, {.compression = static_cast<client::Compression>(simulation_.random().below(5)),
                                       .batch_size = simulation_.random().between(200, 40'000),
                                       .linger = milliseconds(simulation_.random().below(10)),
                                       .delivery_timeout = seconds(60)});
    bool given_up = false;
    while (!stopping_ && !given_up) {
      if (topics_made_) co_await send(producer, alias, given_up);
      co_await sleep_for(milliseconds(simulation_.random().below(60)));
    }
    co_await producer.flush();
  }
}

Task<void> NodeClients::send(client::Producer& producer, const std::string& name, bool& given_up) {
  const uint64_t count = simulation_.random().between(1, 8);
  for (uint64_t i = 0; i < count && !given_up; ++i) {
    const client::TopicPartition& target = places_[simulation_.random().below(places_.size())];
    const Place place = target.to_string();
    const RecordId id{name, next_number_[{name, place}]++};
    const size_t size = simulation_.random().percent(10) ? simulation_.random().below(kValueSizeMax) : 100;
    history_.report(&Invariant::on_sent, place, id);
    const auto taken = co_await producer.send(
        {.topic = target.topic, .partition = target.partition, .value = record_value(place, id, size)},
        [this, place, id, &given_up](const Result<client::Delivery>& delivery) {
          if (!delivery) {
            given_up = true;
            simulation_.trace("{} #{} for {}: {}", id.producer, id.number, place, delivery.error().message);
            return;
          }
          simulation_.trace("{} #{} is at {} of {}", id.producer, id.number, delivery->offset.value(), place);
          if (delivery->offset != kNoOffset) history_.report(&Invariant::on_acknowledged, place, delivery->offset, id);
        });
    if (!taken) {
      given_up = true;
      simulation_.trace("{} #{} for {}: not taken: {}", id.producer, id.number, place, taken.error().message);
    }
  }
}

void NodeClients::write_everywhere() {
  places_to_write_ = places_.size();
  machine_.loop(0).run_inside([this] {
    for (const client::TopicPartition& place : places_) begin(write_to(place));
  });
}

Task<void> NodeClients::write_to(client::TopicPartition target) {
  const Place place = target.to_string();
  while (!topics_made_) co_await sleep_for(milliseconds(100));
  for (int life = 0;; ++life) {
    const std::string name = fmt::format("writer-{}-{}", place, life);
    client::Producer producer(client::Client(machine_.seams(), loop(), options(name)),
                              {.delivery_timeout = seconds(30)});
    const RecordId id{name, 0};
    history_.report(&Invariant::on_sent, place, id);
    const auto delivery = co_await producer.send_and_wait(
        {.topic = target.topic, .partition = target.partition, .value = record_value(place, id, 100)});
    if (delivery) {
      if (delivery->offset != kNoOffset) history_.report(&Invariant::on_acknowledged, place, delivery->offset, id);
      --places_to_write_;
      co_return;
    }
    simulation_.trace("{} cannot write: {}", name, delivery.error().message);
    co_await sleep_for(milliseconds(100));
  }
}

void NodeClients::report_fetched(const client::ConsumedRecords& records) {
  for (const client::ConsumedRecord& record : records.records) {
    const Place place = client::TopicPartition{std::string(record.topic), record.partition}.to_string();
    history_.report(&Invariant::on_fetched, place, FoundRecord{record.offset, std::string(record.value.value_or(""))});
  }
}

Task<void> NodeClients::read_all(std::string name) {
  client::Client client(machine_.seams(), loop(), options(name));
  client::Consumer consumer(client,
                            {.reset = client::OffsetReset::kEarliest,
                             .fetch_max_bytes = static_cast<int32_t>(simulation_.random().between(100, 100'000)),
                             .fetch_wait_max = milliseconds(200)});
  consumer.assign(places_);
  while (!stopping_) {
    const auto records = co_await consumer.poll(milliseconds(500));
    if (!records) {
      co_await sleep_for(milliseconds(100));
      continue;
    }
    report_fetched(*records);
    for (const client::TopicPartition& place : places_) {
      const Offset high_watermark = consumer.high_watermark(place);
      if (high_watermark == kNoOffset) continue;
      history_.report(&Invariant::on_shown_to_be_committed, place.to_string(), high_watermark);
      // A new leader may not know yet how much was committed.
      if (replicas_ == 1) history_.report(&Invariant::on_high_watermark, place.to_string(), high_watermark);
    }
  }
  co_await consumer.close();
}

Task<void> NodeClients::commit(client::Consumer& consumer) {
  std::map<Place, Offset> positions;
  for (const client::TopicPartition& place : consumer.assignment()) {
    const Offset position = consumer.position(place);
    if (position == kNoOffset) continue;
    positions.emplace(place.to_string(), position);
    history_.report(&Invariant::on_commit_begun, std::string(kGroup), place.to_string(), position);
  }
  const Result<> done = co_await consumer.commit();
  simulation_.trace("commit of {} places: {}", positions.size(), done ? "done" : done.error().message);
  if (!done) co_return;
  committed_ = true;
  for (const auto& [place, position] : positions) {
    history_.report(&Invariant::on_commit_acknowledged, std::string(kGroup), place, position);
  }
}

Task<void> NodeClients::consume_in_group(std::string name) {
  client::Client client(machine_.seams(), loop(), options(name));
  std::vector<std::string> topics;
  for (int i = 0; i < kTopics; ++i) topics.push_back(topic_name(i));
  client::Consumer consumer(client, {.group = std::string(kGroup),
                                     .reset = client::OffsetReset::kEarliest,
                                     .auto_commit = false,
                                     .fetch_wait_max = milliseconds(200),
                                     .session_timeout = seconds(6),
                                     .heartbeat_interval = seconds(1)});
  consumer.subscribe(topics);
  while (!stopping_) {
    const auto records = co_await consumer.poll(milliseconds(500));
    if (!records) {
      co_await sleep_for(milliseconds(100));
      continue;
    }
    report_fetched(*records);
    if (!records->records.empty() && simulation_.random().percent(40)) co_await commit(consumer);
  }
  co_await consumer.close();
}

Task<void> NodeClients::make_and_delete(uint64_t round) {
  client::Admin admin(client::Client(machine_.seams(), loop(), options("admin")));
  for (int i = 0; !stopping_; ++i) {
    const std::string topic = fmt::format("passing-{}-{}", round, i);
    history_.report(&Invariant::on_topic_asked_for, topic);
    const MonotonicTime asked = loop().now();
    auto made = co_await admin.create_topics(
        {{.name = topic, .partitions = static_cast<int32_t>(simulation_.random().between(1, 4))}});
    const bool is_made = made && made->front().result;
    simulation_.trace("topic {}: {}", topic, is_made ? "made" : "unknown");
    if (is_made) history_.report(&Invariant::on_topic_created, topic);
    // A request that was tried again may be under way still, and make the topic once more after its deletion.
    const bool is_made_once = loop().now() - asked < kNoRetryBefore;
    co_await sleep_for(milliseconds(simulation_.random().below(1000)));
    if (stopping_ || simulation_.random().percent(50)) continue;
    history_.report(&Invariant::on_topic_deletion_asked_for, topic);
    auto deleted = co_await admin.delete_topics({topic});
    const bool is_deleted = deleted && deleted->front().result;
    simulation_.trace("topic {}: {}", topic, is_deleted ? "deleted" : "unknown");
    if (is_deleted && is_made_once) history_.report(&Invariant::on_topic_deleted, topic);
  }
}

void NodeClients::look_whether_whole() {
  is_whole_ = false;
  machine_.loop(0).run_inside([this] { begin(wait_until_whole()); });
}

Task<void> NodeClients::wait_until_whole() {
  client::Admin admin(client::Client(machine_.seams(), loop(), options("onlooker")));
  std::string told;
  for (;; co_await sleep_for(milliseconds(100))) {
    const auto topics = co_await admin.list_topics();
    if (!topics) continue;
    std::string missing;
    for (const client::TopicDescription& topic : *topics) {
      for (const client::PartitionDescription& partition : topic.partitions) {
        // More replicas than these: a reassignment is under way.
        const bool is_whole = partition.leader != kNoNode && partition.in_sync.size() == partition.replicas.size() &&
                              partition.replicas.size() == replicas_;
        if (is_whole) continue;
        missing += fmt::format(" {}-{}: leader {}, {} of {} in sync;", topic.name, partition.index.value(),
                               partition.leader.value(), partition.in_sync.size(), partition.replicas.size());
      }
    }
    if (missing.empty()) break;
    if (missing != std::exchange(told, missing)) simulation_.trace("not in sync:{}", missing);
  }
  is_whole_ = true;
}

void NodeClients::verify() {
  verified_ = false;
  machine_.loop(0).run_inside([this] { begin(verify_everything()); });
}

Task<void> NodeClients::verify_everything() {
  client::Admin admin(client::Client(machine_.seams(), loop(), options("verifier")));
  if (!topics_made_) {
    verified_ = true;
    co_return;
  }
  for (const client::TopicPartition& place : places_) {
    while (!co_await verify_place(admin, place)) co_await sleep_for(milliseconds(100));
  }
  while (!co_await verify_groups(admin)) co_await sleep_for(milliseconds(100));
  while (!co_await verify_topics()) co_await sleep_for(milliseconds(100));
  verified_ = true;
}

Task<bool> NodeClients::verify_place(client::Admin& admin, const client::TopicPartition& place) {
  WholeLog log;
  for (Offset* bound : {&log.start, &log.end}) {
    const Timestamp wanted = bound == &log.start ? client::kEarliestSpec : client::kLatestSpec;
    auto found = co_await admin.list_offsets({{place, wanted}});
    if (!found || !found->at(place)) co_return false;
    *bound = found->at(place)->offset;
  }
  client::Client client(machine_.seams(), loop(), options("verifier"));
  client::Consumer consumer(client, {.reset = client::OffsetReset::kFail});
  consumer.assign({place});
  consumer.seek(place, log.start);
  while (consumer.position(place) < log.end) {
    const auto records = co_await consumer.poll(seconds(1));
    if (!records) co_return false;
    report_fetched(*records);
    for (const client::ConsumedRecord& record : records->records) {
      log.records.push_back({record.offset, std::string(record.value.value_or(""))});
    }
  }
  simulation_.trace("{} has {} records from {} to {}", place.to_string(), log.records.size(), log.start.value(),
                    log.end.value());
  history_.report(&Invariant::on_read_whole, place.to_string(), log);
  co_return true;
}

Task<bool> NodeClients::verify_groups(client::Admin& admin) {
  const auto committed = co_await admin.committed_offsets(std::string(kGroup));
  if (!committed && committed.error().code != Errc::kNotFound) co_return false;
  for (const client::TopicPartition& place : places_) {
    Offset found = kNoOffset;
    if (committed && committed->contains(place)) found = committed->at(place).offset;
    history_.report(&Invariant::on_committed_found, std::string(kGroup), place.to_string(), found);
  }
  co_return true;
}

// As each node has them.
Task<bool> NodeClients::verify_topics() {
  for (size_t i = 1; i <= nodes_.size(); ++i) {
    const NodeId node(static_cast<int32_t>(i));
    protocol::BrokerConnection connection = connect(node, "verifier");
    const auto reply =
        co_await connection.call(protocol::MetadataRequest{.topics = std::nullopt}, loop().now() + seconds(5));
    if (!reply) co_return false;
    std::vector<std::string> names;
    for (const auto& topic : reply->message.topics) names.emplace_back(topic.name.value_or(""));
    simulation_.trace("node {} has {} topics", node.value(), names.size());
    history_.report(&Invariant::on_topics_listed, names);
  }
  co_return true;
}

}  // namespace weir::sim
