// The clients of a NodeWorld or a ClusterWorld, on a machine of their own: idempotent producers, one reader of
// everything, the members of a consumer group, somebody who makes and deletes topics, and somebody who moves replicas.
// They use weir's own client library and tell the History what they ask for and what they are told.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "protocol/connection/broker_connection.h"
#include "sim/history.h"
#include "sim/machine.h"
#include "weir/admin.h"
#include "weir/consumer.h"
#include "weir/producer.h"

namespace weir::sim {

class NodeClients {
 public:
  // Of these nodes; by id, from 1.
  NodeClients(Simulation& simulation, Fabric& fabric, History& history, std::vector<Endpoint> nodes);

  // Somebody moves replicas between these directories of the node too.
  void move_between(std::vector<std::string> directories) { directories_ = std::move(directories); }
  // Somebody gives partitions other replicas and other leaders, of so many replicas each.
  void reassign(size_t replicas) { replicas_ = replicas; }
  // All clients that run begin under new names.
  void start(uint64_t round);
  // They finish what they are at.
  void ask_to_stop() { stopping_ = true; }
  [[nodiscard]] bool stopped() const { return running_ == 0; }
  // Whether all partitions that they need are there.
  [[nodiscard]] bool settled() const { return topics_made_ && committed_; }
  // At once, without a word to anybody.
  void kill();
  // Has a record acknowledged in every partition, however long that takes.
  void write_everywhere();
  [[nodiscard]] bool written_everywhere() const { return places_to_write_ == 0; }

  // Waits until every replica of every partition is in sync, however long that takes.
  void look_whether_whole();
  [[nodiscard]] bool is_whole() const { return is_whole_; }

  // Reads every topic from its first to its last record, compares committed offsets and topics. Clients are stopped.
  void verify();
  [[nodiscard]] bool verified() const { return verified_; }

 private:
  Loop& loop() { return machine_.loop(0); }
  void begin(Task<void> task);
  Task<void> counted(Task<void> task);
  [[nodiscard]] client::ClientOptions options(const std::string& id) const;
  // A connection to one node, for what the client library has no call for.
  protocol::BrokerConnection connect(NodeId node, const std::string& id);

  Task<void> make_topics();
  Task<void> produce(std::string name);
  Task<void> send(client::Producer& producer, const std::string& name, bool& given_up);
  Task<void> write_to(client::TopicPartition target);
  Task<void> read_all(std::string name);
  Task<void> consume_in_group(std::string name);
  Task<void> commit(client::Consumer& consumer);
  Task<void> make_and_delete(uint64_t round);
  Task<void> move_replicas();
  Task<void> reassign_partitions();
  Task<void> wait_until_whole();
  Task<void> verify_everything();
  Task<bool> verify_place(client::Admin& admin, const client::TopicPartition& place);
  Task<bool> verify_groups(client::Admin& admin);
  Task<bool> verify_topics();
  void report_fetched(const client::ConsumedRecords& records);

  Simulation& simulation_;
  History& history_;
  std::vector<Endpoint> nodes_;
  Machine machine_;
  std::vector<client::TopicPartition> places_;
  std::vector<std::string> directories_;
  size_t replicas_ = 1;
  std::map<std::pair<std::string, Place>, int64_t> next_number_;
  bool topics_made_ = false;
  bool committed_ = false;
  bool stopping_ = false;
  bool verified_ = false;
  bool is_whole_ = false;
  uint64_t running_ = 0;
  size_t places_to_write_ = 0;
};

}  // namespace weir::sim
