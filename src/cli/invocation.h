// What a command line asks for, as plain values: one struct for each command. Made by command_line.h, carried out by
// commands.h. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace weir::cli {

enum class OutputFormat : uint8_t { kTable, kJson };

// What every command that talks to a cluster takes.
struct ClusterOptions {
  std::string bootstrap = "127.0.0.1:9092";
  OutputFormat output = OutputFormat::kTable;
};

// KEY=VALUE arguments, in order.
using Assignments = std::vector<std::pair<std::string, std::string>>;

struct Start {
  std::string properties_file;  // empty: the defaults of a first try
  Assignments overrides;
  unsigned threads = 0;  // 0: one for each core
  std::string log_format = "text";
  std::string log_level = "info";
};
// Looks at a node as Start would run it.
struct Doctor {
  std::string properties_file;
  Assignments overrides;
};
// Kafka's storage tool options.
struct Format {
  std::string cluster_id;
  std::string properties_file;
  std::string release_version;
  Assignments features;
  std::vector<std::string> scram_credentials;
  bool standalone = false;
  bool no_initial_controllers = false;
  std::string initial_controllers;
  bool ignore_formatted = false;
};
struct RandomUuid {};
struct Version {};

struct TopicList {
  bool internal = false;
};
struct TopicDescribe {
  std::vector<std::string> names;
};
struct TopicCreate {
  std::vector<std::string> names;
  int32_t partitions = -1;
  int16_t replication = -1;
  Assignments configs;
  bool if_not_exists = false;
  bool dry_run = false;
};
struct TopicDelete {
  std::vector<std::string> names;
  bool if_exists = false;
};
struct TopicAlter {
  std::string name;
  int32_t partitions = -1;
  Assignments set;
  std::vector<std::string> unset;
};
struct TopicOffsets {
  std::vector<std::string> names;
  std::string at;  // empty: the first and the last
};
struct TopicTrim {
  std::string name;
  std::string before = "end";
  std::vector<int32_t> partitions;  // none: all
};

struct Produce {
  std::string topic;
  std::vector<std::string> files;  // none, or "-": the standard input
  std::optional<std::string> key;
  std::string key_separator;     // empty: lines have no key
  std::string header_separator;  // empty: lines have no headers
  Assignments headers;           // of every record
  std::string null_marker;       // a value that is exactly this is a tombstone; empty: none is
  bool json = false;
  std::optional<int32_t> partition;
  std::string compression = "none";
  std::string acks = "all";
  int64_t batch_size = 256 << 10;
  int64_t linger_ms = 5;
  bool quiet = false;
};

struct Consume {
  std::vector<std::string> topics;
  std::vector<int32_t> partitions;  // none: all
  std::string from;                 // empty: earliest, or what the group has committed
  std::string to;                   // empty: the end as of now, unless follow
  bool follow = false;
  int64_t count = -1;  // -1: no limit
  std::string group;
  std::string assignor = "range";
  std::string format = "value";
  std::string delimiter = "\n";
  bool committed_only = false;
  bool quiet = false;
};

struct GroupList {};
struct GroupDescribe {
  std::vector<std::string> groups;
};
struct GroupDelete {
  std::vector<std::string> groups;
};
struct GroupResetOffsets {
  std::string group;
  std::vector<std::string> topics;  // TOPIC or TOPIC:PARTITION,...; none: all that the group has committed
  std::string to;
  bool dry_run = false;
};
struct GroupDeleteOffsets {
  std::string group;
  std::vector<std::string> topics;
};

// The types of what has settings, as people write them: topic, broker, logger, client-metrics, group.
struct ConfigList {
  std::string type;  // empty: all
};
struct ConfigDescribe {
  std::string type;
  std::string name;  // of a broker or its loggers empty: all brokers
  bool all = false;  // not only what is set
};
struct ConfigSet {
  std::string type;
  std::string name;
  Assignments settings;
};
struct ConfigUnset {
  std::string type;
  std::string name;
  std::vector<std::string> settings;
};

// Whose quota: a user, a client, a user's client, or an address; or the default of each.
struct QuotaOwner {
  std::string user;
  std::string client;
  std::string ip;
  bool user_default = false;
  bool client_default = false;
  bool ip_default = false;
};
struct QuotaList {};
struct QuotaSet {
  QuotaOwner owner;
  Assignments quotas;
};
struct QuotaUnset {
  QuotaOwner owner;
  std::vector<std::string> quotas;
};

struct ClusterStatus {};
struct ClusterBalance {
  bool plan = false;
  std::vector<int32_t> drain;
  int32_t threshold_percent = 10;
  int32_t measure_s = 0;  // 0: traffic is not weighed
};
struct QuorumDescribe {};
struct QuorumReplication {};
struct QuorumAddController {
  std::string properties_file;
};
struct QuorumRemoveController {
  int32_t id = 0;
  std::string directory;
};

struct FeatureDescribe {};
struct FeatureUpgrade {
  Assignments levels;
  bool dry_run = false;
};
struct FeatureDowngrade {
  Assignments levels;
  bool unsafe = false;
  bool dry_run = false;
};

struct LogDump {
  std::vector<std::string> paths;
  bool records = true;
};

using Command = std::variant<Start, Doctor, Format, RandomUuid, Version, TopicList, TopicDescribe, TopicCreate,
                             TopicDelete, TopicAlter, TopicOffsets, TopicTrim, Produce, Consume, GroupList,
                             GroupDescribe, GroupDelete, GroupResetOffsets, GroupDeleteOffsets, ConfigList,
                             ConfigDescribe, ConfigSet, ConfigUnset, QuotaList, QuotaSet, QuotaUnset, ClusterStatus,
                             ClusterBalance, QuorumDescribe, QuorumReplication, QuorumAddController,
                             QuorumRemoveController, FeatureDescribe, FeatureUpgrade, FeatureDowngrade, LogDump>;

struct Invocation {
  Command command;
  ClusterOptions cluster;
};

}  // namespace weir::cli
