#include "kafka_client.h"

#include <unistd.h>

namespace weir::bench {
namespace {

constexpr int kTimeoutMs = 30'000;

rd_kafka_conf_t* make_config(const Settings& settings) {
  rd_kafka_conf_t* config = rd_kafka_conf_new();
  for (const auto& [name, value] : settings) {
    char error[512];
    if (rd_kafka_conf_set(config, name.c_str(), value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) die(error);
  }
  return config;
}

Client make_client(rd_kafka_type_t type, rd_kafka_conf_t* config) {
  char error[512];
  rd_kafka_t* client = rd_kafka_new(type, config, error, sizeof error);
  if (client == nullptr) die(error);
  return Client(client);
}

// The one error of an admin result, or "" when it went well.
std::string result_error(rd_kafka_event_t* event) {
  if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) return rd_kafka_event_error_string(event);
  size_t count = 0;
  const rd_kafka_topic_result_t** results = nullptr;
  if (const auto* created = rd_kafka_event_CreateTopics_result(event)) {
    results = rd_kafka_CreateTopics_result_topics(created, &count);
  } else if (const auto* deleted = rd_kafka_event_DeleteTopics_result(event)) {
    results = rd_kafka_DeleteTopics_result_topics(deleted, &count);
  }
  if (count != 1) return "no answer";
  return rd_kafka_topic_result_error(results[0]) == RD_KAFKA_RESP_ERR_NO_ERROR
             ? ""
             : rd_kafka_err2str(rd_kafka_topic_result_error(results[0]));
}

void wait_for_admin(rd_kafka_queue_t* queue, const std::string& what) {
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kTimeoutMs);
  if (event == nullptr) die(what + ": no answer");
  const std::string error = result_error(event);
  if (!error.empty()) die(what + ": " + error);
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
}

// Whether every partition of the topic has a leader and `in_sync` replicas in sync, as a broker tells.
bool is_led(rd_kafka_t* client, const std::string& name, int partitions, int in_sync) {
  const Topic topic = open_topic(client, name);
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(client, 0, topic.get(), &metadata, kTimeoutMs) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
  int led = 0;
  if (metadata->topic_cnt == 1) {
    for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
      const auto& partition = metadata->topics[0].partitions[i];
      led += partition.leader >= 0 && partition.isr_cnt == in_sync ? 1 : 0;
    }
  }
  rd_kafka_metadata_destroy(metadata);
  return led == partitions;
}

// Seldom enough that being asked costs the brokers little beside what they are measured at.
void wait_until_led(rd_kafka_t* client, const std::string& name, int partitions, int in_sync) {
  while (!is_led(client, name, partitions, in_sync)) usleep(10'000 + static_cast<useconds_t>(partitions) * 20);
}

}  // namespace

Client make_producer(const Settings& settings, DeliveryCallback delivered, void* opaque) {
  rd_kafka_conf_t* config = make_config(settings);
  rd_kafka_conf_set_dr_msg_cb(config, delivered);
  rd_kafka_conf_set_opaque(config, opaque);
  return make_client(RD_KAFKA_PRODUCER, config);
}

Client make_consumer(const Settings& settings, const std::string& topic, int partitions, bool from_start) {
  Client client = make_client(RD_KAFKA_CONSUMER, make_config(settings));
  rd_kafka_poll_set_consumer(client.get());
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), i)->offset =
        from_start ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
  }
  const rd_kafka_resp_err_t error = rd_kafka_assign(client.get(), list);
  rd_kafka_topic_partition_list_destroy(list);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) die(rd_kafka_err2str(error));
  return client;
}

Topic open_topic(rd_kafka_t* client, const std::string& name) {
  return Topic(rd_kafka_topic_new(client, name.c_str(), nullptr));
}

void create_topic(const Arguments& arguments) {
  const Client client =
      make_client(RD_KAFKA_PRODUCER, make_config({{"bootstrap.servers", arguments.text("bootstrap")}}));
  const std::string name = arguments.text("topic");
  const int partitions = static_cast<int>(arguments.number("partitions"));
  const int replicas = static_cast<int>(arguments.number("replicas", 1));
  char error[512];
  rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(name.c_str(), partitions, replicas, error, sizeof error);
  if (topic == nullptr) die(error);
  for (const std::string& config : arguments.all("config")) {
    const size_t equals = config.find('=');
    rd_kafka_NewTopic_set_config(topic, config.substr(0, equals).c_str(), config.substr(equals + 1).c_str());
  }
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client.get());
  rd_kafka_CreateTopics(client.get(), &topic, 1, nullptr, queue);
  wait_for_admin(queue, "create " + name);
  rd_kafka_NewTopic_destroy(topic);
  wait_until_led(client.get(), name, partitions, replicas);
}

void await_in_sync(const Arguments& arguments) {
  const Client client = make_client(
      RD_KAFKA_PRODUCER, make_config({{"bootstrap.servers", arguments.text("bootstrap")}, {"log_level", "0"}}));
  const int partitions = static_cast<int>(arguments.number("partitions"));
  for (const std::string& name : arguments.all("topic")) {
    wait_until_led(client.get(), name, partitions, static_cast<int>(arguments.number("in-sync")));
  }
}

void delete_topic(const Arguments& arguments) {
  const Client client =
      make_client(RD_KAFKA_PRODUCER, make_config({{"bootstrap.servers", arguments.text("bootstrap")}}));
  rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(arguments.text("topic").c_str());
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client.get());
  rd_kafka_DeleteTopics(client.get(), &topic, 1, nullptr, queue);
  wait_for_admin(queue, "delete " + arguments.text("topic"));
  rd_kafka_DeleteTopic_destroy(topic);
}

}  // namespace weir::bench
