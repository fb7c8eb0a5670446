#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/completion.h"
#include "cli/manual_page.h"
#include "cli/suggest.h"

namespace weir::cli {
namespace {

// Where the pieces of a command come together while CLI11 works.
struct Target {
  Invocation invocation;
  bool json = false;
  std::string text{};  // asked for instead of a command's work
};

// Adds a command whose options are filled into a C.
template <class C>
std::pair<CLI::App*, C*> add(CLI::App& parent, const std::string& name, const std::string& what,
                             const std::string& examples, Target& target) {
  auto command = std::make_shared<C>();
  CLI::App* app = parent.add_subcommand(name, what);
  if (!examples.empty()) app->footer("Examples:\n" + examples);
  app->callback([command, &target] { target.invocation.command = *command; });
  return {app, command.get()};
}

// Like CLI::IsMember, with the name that may have been meant.
CLI::Validator one_of(std::vector<std::string> names) {
  const std::string all = fmt::format("{}", fmt::join(names, ", "));
  const std::string choices = fmt::format("{{{}}}", fmt::join(names, ","));
  return {[names = std::move(names), all](const std::string& word) -> std::string {
            if (std::ranges::find(names, word) != names.end()) return {};
            const std::string meant = nearest(word, names);
            return fmt::format("'{}' is none of {}{}", word, all,
                               meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
          },
          choices};
}

void add_cluster_options(CLI::App* app, Target& target) {
  app->add_option("-b,--bootstrap", target.invocation.cluster.bootstrap,
                  "HOST:PORT,... of any brokers of the cluster (default: $WEIR_BOOTSTRAP or 127.0.0.1:9092)");
}

void add_output_option(CLI::App* app, Target& target) {
  app->add_option_function<std::string>(
         "-o,--output",
         [&target](const std::string& format) {
           target.invocation.cluster.output = format == "json" ? OutputFormat::kJson : OutputFormat::kTable;
         },
         "table, or json for programs")
      ->check(one_of({"table", "json"}));
}

void add_assignments(CLI::App* app, const std::string& names, Assignments& into, const std::string& what) {
  app->add_option_function<std::vector<std::string>>(
         names,
         [&into](const std::vector<std::string>& words) {
           for (const std::string& word : words) {
             const size_t equals = word.find('=');
             if (equals == 0 || equals == std::string::npos)
               throw CLI::ValidationError("'" + word + "' is not KEY=VALUE");
             into.emplace_back(word.substr(0, equals), word.substr(equals + 1));
           }
         },
         what)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
}

void add_format(CLI::App& root, Target& target) {
  auto [format, f] = add<Format>(root, "format", "Prepare the log directories of a node for a cluster",
                                 "  weir format --standalone -t $(weir random-uuid) -c server.properties\n"
                                 "  weir format -t $ID -c server.properties --no-initial-controllers\n",
                                 target);
  format->add_option("-t,--cluster-id", f->cluster_id, "The cluster's id: weir random-uuid makes one")->required();
  format->add_option("-c,--config", f->properties_file, "Kafka's server.properties")->required();
  format->add_option("-r,--release-version", f->release_version, "The metadata.version to begin with, e.g. 4.3");
  add_assignments(format, "-f,--feature", f->features, "A feature's level to begin with; may be repeated");
  format->add_option("-S,--add-scram", f->scram_credentials, "A first credential: SCRAM-SHA-256=[name=N,password=P]")
      ->allow_extra_args(false);
  auto* alone = format->add_flag("-s,--standalone", f->standalone, "This controller is the only first voter");
  auto* none =
      format->add_flag("-N,--no-initial-controllers", f->no_initial_controllers, "Join a quorum that is there");
  auto* given = format->add_option("-I,--initial-controllers", f->initial_controllers,
                                   "The first voters: ID@HOST:PORT:DIRECTORY_ID,...");
  alone->excludes(none)->excludes(given);
  none->excludes(given);
  format->add_flag("-g,--ignore-formatted", f->ignore_formatted, "Leave directories alone that are formatted already");
}

void add_node_commands(CLI::App& root, Target& target) {
  auto [start, s] = add<Start>(root, "start", "Run a node in the foreground",
                               "  weir start\n"
                               "      node 1, broker and controller, on 127.0.0.1:9092, data in ./weir-data\n"
                               "  weir start server.properties --override log.retention.hours=24\n",
                               target);
  start->add_option("FILE", s->properties_file, "Kafka's server.properties; without it, settings for a first try");
  add_assignments(start, "--override", s->overrides, "A setting that is stronger than the file's; may be repeated");
  start->add_option("--threads", s->threads, "Loop threads (default: one for each core)")->check(CLI::Range(1, 1024));
  start->add_option("--log-format", s->log_format, "text or json")->check(one_of({"text", "json"}));
  start->add_option("--log-level", s->log_level, "debug, info, warn or error")
      ->check(one_of({"debug", "info", "warn", "error"}));
  auto [doctor, d] = add<Doctor>(root, "doctor", "Say what is wrong with a node's settings, machine and directories",
                                 "  weir doctor server.properties\n", target);
  doctor->add_option("FILE", d->properties_file, "Kafka's server.properties; without it, settings for a first try");
  add_assignments(doctor, "--override", d->overrides, "A setting that is stronger than the file's; may be repeated");
  add_output_option(doctor, target);
  add<RandomUuid>(root, "random-uuid", "Print a new id, e.g. for weir format",
                  "  weir format --standalone -t $(weir random-uuid) -c server.properties\n", target);
  auto [version, v] =
      add<Version>(root, "version", "Print the version", "  weir version\n  weir version -o json\n", target);
  add_output_option(version, target);
}

CLI::App* add_group_of_commands(CLI::App& root, const std::string& name, const std::string& what) {
  CLI::App* app = root.add_subcommand(name, what);
  app->require_subcommand(1);
  return app;
}

void add_topic_create(CLI::App& topic, Target& target) {
  auto [create, c] = add<TopicCreate>(topic, "create", "Create topics",
                                      "  weir topic create orders\n"
                                      "  weir topic create orders --partitions 6 --config retention.ms=86400000\n"
                                      "  weir topic create orders --if-not-exists\n",
                                      target);
  create->add_option("NAME", c->names, "The topics")->required();
  create->add_option("-p,--partitions", c->partitions, "How many (default: the broker's num.partitions)")
      ->check(CLI::Range(1, 1'000'000));
  create->add_option("-r,--replication", c->replication, "Replicas of each partition (default: the broker's)")
      ->check(CLI::Range(1, 1000));
  add_assignments(create, "-c,--config", c->configs, "A setting of the topic; may be repeated");
  create->add_flag("--if-not-exists", c->if_not_exists, "A topic that is there already is no error");
  create->add_flag("--dry-run", c->dry_run, "Only check whether they could be created");
  add_cluster_options(create, target);
  add_output_option(create, target);
}

void add_topic_alter(CLI::App& topic, Target& target) {
  auto [alter, a] = add<TopicAlter>(topic, "alter", "Change a topic's settings or add partitions",
                                    "  weir topic alter orders --set retention.ms=3600000 --unset cleanup.policy\n"
                                    "  weir topic alter orders --partitions 12\n",
                                    target);
  alter->add_option("NAME", a->name, "The topic")->required();
  alter->add_option("-p,--partitions", a->partitions, "The new number of partitions; it can only grow")
      ->check(CLI::Range(1, 1'000'000));
  add_assignments(alter, "--set", a->set, "A setting; may be repeated");
  alter->add_option("--unset", a->unset, "A setting to go back to its default; may be repeated")
      ->allow_extra_args(false);
  add_cluster_options(alter, target);
  add_output_option(alter, target);
}

void add_topic_commands(CLI::App& root, Target& target) {
  CLI::App* topic = add_group_of_commands(root, "topic", "Look at and change topics");
  auto [list, l] =
      add<TopicList>(*topic, "list", "List topics", "  weir topic list\n  weir topic list -o json\n", target);
  list->add_flag("--internal", l->internal, "Also those of the cluster itself, such as __consumer_offsets");
  auto [describe, d] = add<TopicDescribe>(*topic, "describe", "Show partitions, leaders, replicas and settings",
                                          "  weir topic describe orders\n", target);
  describe->add_option("NAME", d->names, "The topics")->required();
  add_topic_create(*topic, target);
  auto [remove, r] = add<TopicDelete>(*topic, "delete", "Delete topics with all their records",
                                      "  weir topic delete orders\n", target);
  remove->add_option("NAME", r->names, "The topics")->required();
  remove->add_flag("--if-exists", r->if_exists, "A topic that is not there is no error");
  add_topic_alter(*topic, target);
  auto [offsets, o] = add<TopicOffsets>(*topic, "offsets", "Show the first and the last offset of each partition",
                                        "  weir topic offsets orders\n  weir topic offsets orders --at 2h\n", target);
  offsets->add_option("NAME", o->names, "The topics")->required();
  offsets->add_option("--at", o->at, "The first offset at or after a time instead: 10m (ago), 2026-11-21T04:06Z, ...");
  auto [trim, t] = add<TopicTrim>(*topic, "trim", "Delete the records before an offset, keeping the topic",
                                  "  weir topic trim orders\n      deletes all records\n"
                                  "  weir topic trim orders --partition 0 --before 1000\n",
                                  target);
  trim->add_option("NAME", t->name, "The topic")->required();
  trim->add_option("--before", t->before, "An offset, end, or a time (default: end)");
  trim->add_option("-p,--partition", t->partitions, "Only these partitions")->delimiter(',');
  for (CLI::App* app : {list, describe, remove, offsets, trim}) {
    add_cluster_options(app, target);
    add_output_option(app, target);
  }
}

void add_produce(CLI::App& root, Target& target) {
  auto [produce, p] = add<Produce>(root, "produce", "Send records: a record for each line of the input",
                                   "  echo hello | weir produce greetings\n"
                                   "  weir produce orders orders.tsv --key-separator '\\t'\n"
                                   "  weir produce orders --json < records.jsonl\n"
                                   "      {\"key\": \"k\", \"value\": \"v\", \"headers\": {\"h\": \"x\"}}\n",
                                   target);
  produce->add_option("TOPIC", p->topic, "The topic")->required();
  produce->add_option("FILE", p->files, "Files to read instead of the standard input");
  produce->add_option("-k,--key-separator", p->key_separator, "What divides the key from the value, e.g. ':' or '\\t'");
  produce->add_option("--header-separator", p->header_separator,
                      "What ends the headers (NAME=VALUE,...) at the beginning of a line");
  produce->add_option("--key", p->key, "The key of every record");
  add_assignments(produce, "-H,--header", p->headers, "A header of every record; may be repeated");
  produce->add_option("--null", p->null_marker, "A value that is exactly this becomes a null (a tombstone)");
  produce->add_flag("--json", p->json, "Lines are objects with key, value, headers, partition, timestamp");
  produce->add_option("-p,--partition", p->partition, "The partition (default: by key, or spread in batches)")
      ->check(CLI::NonNegativeNumber);
  produce->add_option("-z,--compression", p->compression, "none, gzip, snappy, lz4 or zstd")
      ->check(one_of({"none", "gzip", "snappy", "lz4", "zstd"}));
  produce->add_option("--acks", p->acks, "all: every in-sync replica has it; 1: the leader has it; 0: do not wait")
      ->check(one_of({"all", "1", "0"}));
  produce->add_option("--batch-size", p->batch_size, "Bytes of a batch before compression (default 262144)")
      ->check(CLI::Range(1, 64 << 20));
  produce->add_option("--linger", p->linger_ms, "Milliseconds that a batch waits for more (default 5)")
      ->check(CLI::Range(0, 60'000));
  produce->add_flag("-q,--quiet", p->quiet, "No progress and no summary");
  add_cluster_options(produce, target);
}

void add_consume(CLI::App& root, Target& target) {
  auto [consume, c] = add<Consume>(
      root, "consume", "Print records: what is there now, or with --follow what comes as well",
      "  weir consume orders\n"
      "  weir consume orders --follow --from end\n"
      "  weir consume orders --from 2h --to 1h -o json\n"
      "  weir consume orders --from -10 --format '%p:%o %D %k=%v'\n"
      "  weir consume orders --group billing\n"
      "A format is value, key-value, json, or a text with %t topic, %p partition, %o offset, %k key, %v value,\n"
      "%h headers, %T timestamp in ms, %D timestamp, %K and %V sizes, %% a percent sign.\n"
      "Places are earliest, end, an offset, -N (N before the end), or a time: 10m (ago), 2026-11-21T04:06Z.\n",
      target);
  consume->add_option("TOPIC", c->topics, "The topics")->required();
  consume->add_option("-p,--partition", c->partitions, "Only these partitions")->delimiter(',');
  consume->add_option("--from", c->from, "Where to begin (default: earliest; with a group, what it has committed)");
  consume->add_option("--to", c->to, "Where to stop (default: the end as of now)");
  consume->add_flag("-f,--follow", c->follow, "Go on with what comes, until Ctrl-C");
  consume->add_option("-n,--count", c->count, "Stop after this many records")->check(CLI::PositiveNumber);
  consume->add_option("-g,--group", c->group, "Join this group and commit what was printed; implies --follow");
  consume
      ->add_option("--assignor", c->assignor,
                   "How the group shares partitions out: range, roundrobin, cooperative-sticky")
      ->check(one_of({"range", "roundrobin", "cooperative-sticky"}));
  consume->add_option("--format", c->format, "value, key-value, json, or a template");
  consume->add_option("--delimiter", c->delimiter, "What ends each record in all formats but json (default \\n)");
  consume->add_flag("--committed-only", c->committed_only, "Only records of transactions that were committed");
  consume->add_flag("-q,--quiet", c->quiet, "No summary");
  add_cluster_options(consume, target);
  add_output_option(consume, target);
}

void add_group_commands(CLI::App& root, Target& target) {
  CLI::App* group = add_group_of_commands(root, "group", "Look at and change consumer groups");
  auto [list, l] = add<GroupList>(*group, "list", "List groups", "  weir group list\n", target);
  auto [describe, d] = add<GroupDescribe>(*group, "describe", "Show members, offsets and lag",
                                          "  weir group describe billing\n", target);
  describe->add_option("GROUP", d->groups, "The groups")->required();
  auto [remove, r] = add<GroupDelete>(*group, "delete", "Delete groups without members, with their offsets",
                                      "  weir group delete billing\n", target);
  remove->add_option("GROUP", r->groups, "The groups")->required();
  auto [reset, s] =
      add<GroupResetOffsets>(*group, "reset-offsets", "Set the offsets of a group without members",
                             "  weir group reset-offsets billing --to earliest --dry-run\n"
                             "  weir group reset-offsets billing --topic orders:0,1 --to 2026-11-21T00:00Z\n",
                             target);
  reset->add_option("GROUP", s->group, "The group")->required();
  reset->add_option("-t,--topic", s->topics, "TOPIC or TOPIC:PARTITION,... (default: all with a committed offset)")
      ->allow_extra_args(false);
  reset->add_option("--to", s->to, "earliest, end, an offset, -N (N before the end), or a time")->required();
  reset->add_flag("--dry-run", s->dry_run, "Only show what would be set");
  auto [forget, f] = add<GroupDeleteOffsets>(*group, "delete-offsets", "Forget a group's offsets in topics",
                                             "  weir group delete-offsets billing --topic orders\n", target);
  forget->add_option("GROUP", f->group, "The group")->required();
  forget->add_option("-t,--topic", f->topics, "TOPIC or TOPIC:PARTITION,...")->required()->allow_extra_args(false);
  for (CLI::App* app : {list, describe, remove, reset, forget}) {
    add_cluster_options(app, target);
    add_output_option(app, target);
  }
}

void add_config_commands(CLI::App& root, Target& target) {
  CLI::App* config = add_group_of_commands(root, "config", "Look at and change settings while the cluster runs");
  const auto types = one_of({"topic", "broker", "logger", "client-metrics", "group"});
  constexpr const char* kName = "Its name; left out for brokers: all of them";
  auto [list, l] = add<ConfigList>(*config, "list", "List what has settings", "  weir config list topic\n", target);
  list->add_option("TYPE", l->type, "Only these")->check(types);
  auto [describe, d] =
      add<ConfigDescribe>(*config, "describe", "Show what is set, with --all what is in force",
                          "  weir config describe topic orders\n  weir config describe broker 1 --all\n"
                          "  weir config describe broker\n      what is set for all brokers\n"
                          "  weir config describe logger 1\n",
                          target);
  describe->add_option("TYPE", d->type, "What kind of thing")->required()->check(types);
  describe->add_option("NAME", d->name, kName);
  describe->add_flag("--all", d->all, "Also what comes from the file or is a default");
  auto [set, s] = add<ConfigSet>(*config, "set", "Change settings, at once and for good",
                                 "  weir config set topic orders --set retention.ms=3600000\n"
                                 "  weir config set broker --set log.retention.hours=24\n"
                                 "  weir config set logger 1 --set group=DEBUG\n      until the node stops\n",
                                 target);
  set->add_option("TYPE", s->type, "What kind of thing")->required()->check(types);
  set->add_option("NAME", s->name, kName);
  add_assignments(set, "--set", s->settings, "A setting; may be repeated");
  set->get_option("--set")->required();
  auto [unset, u] = add<ConfigUnset>(*config, "unset", "Go back to what a setting is without being set",
                                     "  weir config unset topic orders --unset retention.ms\n", target);
  unset->add_option("TYPE", u->type, "What kind of thing")->required()->check(types);
  unset->add_option("NAME", u->name, kName);
  unset->add_option("--unset", u->settings, "A setting; may be repeated")->required()->allow_extra_args(false);
  for (CLI::App* app : {list, describe, set, unset}) {
    add_cluster_options(app, target);
    add_output_option(app, target);
  }
}

void add_quota_owner(CLI::App* app, QuotaOwner& owner) {
  app->add_option("--user", owner.user, "A user; with --client: that client of the user");
  CLI::Option* user_default = app->add_flag("--user-default", owner.user_default, "Users without a quota of their own");
  app->add_option("--client", owner.client, "A client.id");
  CLI::Option* client_default = app->add_flag("--client-default", owner.client_default, "Clients without one");
  app->add_option("--ip", owner.ip, "An address");
  CLI::Option* ip_default = app->add_flag("--ip-default", owner.ip_default, "Addresses without one");
  user_default->excludes("--user");
  client_default->excludes("--client");
  ip_default->excludes("--ip");
}

void add_quota_commands(CLI::App& root, Target& target) {
  CLI::App* quota =
      add_group_of_commands(root, "quota", "Look at and change what users, clients and addresses may use");
  auto [list, l] = add<QuotaList>(*quota, "list", "List all quotas", "  weir quota list\n", target);
  auto [set, s] = add<QuotaSet>(*quota, "set", "Set quotas, at once and for good",
                                "  weir quota set --client loader --set producer_byte_rate=1048576\n"
                                "  weir quota set --user-default --set request_percentage=50\n"
                                "  weir quota set --ip 10.0.0.7 --set connection_creation_rate=20\n",
                                target);
  add_quota_owner(set, s->owner);
  add_assignments(set, "--set", s->quotas,
                  "producer_byte_rate, consumer_byte_rate, request_percentage, controller_mutation_rate, for addresses "
                  "connection_creation_rate; may be repeated");
  set->get_option("--set")->required();
  auto [unset, u] = add<QuotaUnset>(*quota, "unset", "Remove quotas",
                                    "  weir quota unset --client loader --unset producer_byte_rate\n", target);
  add_quota_owner(unset, u->owner);
  unset->add_option("--unset", u->quotas, "A quota; may be repeated")->required()->allow_extra_args(false);
  for (CLI::App* app : {list, set, unset}) {
    add_cluster_options(app, target);
    add_output_option(app, target);
  }
}

void add_cluster_commands(CLI::App& root, Target& target) {
  CLI::App* cluster = add_group_of_commands(root, "cluster", "Look at the cluster");
  auto [status, s] = add<ClusterStatus>(*cluster, "status", "Show the brokers, what is wrong, and what to do about it",
                                        "  weir cluster status || echo clients are in trouble\n", target);
  auto [balance, e] =
      add<ClusterBalance>(*cluster, "balance", "Show what would move to balance the cluster",
                          "  weir cluster balance --plan\n"
                          "  weir cluster balance --plan --drain 3\n"
                          "  weir cluster balance --plan -o json > plan.json\n"
                          "      kafka-reassign-partitions --reassignment-json-file plan.json --execute\n",
                          target);
  balance->add_flag("--plan", e->plan, "Only show it: nothing moves")->required();
  balance->add_option("--drain", e->drain, "Brokers that are to hold nothing, by id")
      ->delimiter(',')
      ->check(CLI::NonNegativeNumber);
  balance
      ->add_option("--threshold", e->threshold_percent,
                   "By how many percent of the mean a broker may differ from its share (default: 10)")
      ->check(CLI::Range(1, 1000));
  balance->add_option("--measure", e->measure_s, "Weigh the traffic of so many seconds too (default: 0)")
      ->check(CLI::Range(0, 3600));
  CLI::App* quorum = add_group_of_commands(root, "quorum", "Look at and change the quorum of the controllers");
  auto [describe, d] =
      add<QuorumDescribe>(*quorum, "describe", "Show the leader and the voters", "  weir quorum describe\n", target);
  auto [replication, r] = add<QuorumReplication>(*quorum, "replication", "Show how far each node has the metadata log",
                                                 "  weir quorum replication\n", target);
  auto [join, j] = add<QuorumAddController>(*quorum, "add-controller", "Make a controller that runs a voter",
                                            "  weir quorum add-controller -c node-4.properties\n", target);
  join->add_option("-c,--config", j->properties_file, "Its server.properties, where its directories are")->required();
  auto [leave, x] = add<QuorumRemoveController>(*quorum, "remove-controller", "Make a controller no voter any more",
                                                "  weir quorum remove-controller --id 1\n", target);
  leave->add_option("--id", x->id, "Its node id")->required()->check(CLI::NonNegativeNumber);
  leave->add_option("--directory", x->directory,
                    "The id of its metadata directory (default: the one that the voter of that id has)");
  CLI::App* feature = add_group_of_commands(root, "feature", "Look at and change the levels of features");
  auto [levels, v] = add<FeatureDescribe>(*feature, "describe", "Show the levels", "  weir feature describe\n", target);
  auto [upgrade, u] = add<FeatureUpgrade>(*feature, "upgrade", "Raise levels, all that are named or none",
                                          "  weir feature upgrade --level metadata.version=4.3 --dry-run\n", target);
  add_assignments(upgrade, "--level", u->levels, "FEATURE=LEVEL; may be repeated");
  upgrade->add_flag("--dry-run", u->dry_run, "Only ask whether it could be done");
  auto [downgrade, w] = add<FeatureDowngrade>(*feature, "downgrade", "Lower levels, 0 to turn a feature off",
                                              "  weir feature downgrade --level group.version=0\n", target);
  add_assignments(downgrade, "--level", w->levels, "FEATURE=LEVEL; may be repeated");
  downgrade->add_flag("--unsafe", w->unsafe, "Even if metadata are lost");
  downgrade->add_flag("--dry-run", w->dry_run, "Only ask whether it could be done");
  for (CLI::App* app : {upgrade, downgrade}) app->get_option("--level")->required();
  for (CLI::App* app : {status, balance, describe, replication, join, leave, levels, upgrade, downgrade}) {
    add_cluster_options(app, target);
    add_output_option(app, target);
  }
}

void add_log_commands(CLI::App& root, Target& target) {
  CLI::App* log = add_group_of_commands(root, "log", "Look into the files of a data directory");
  auto [dump, d] = add<LogDump>(*log, "dump", "Print the content of segments, indexes, snapshots and checkpoints",
                                "  weir log dump weir-data/orders-0\n"
                                "  weir log dump weir-data/__cluster_metadata-0/00000000000000000000.log -o json\n",
                                target);
  dump->add_option("PATH", d->paths, "Files, or directories of partitions")->required();
  dump->add_flag("!--no-records", d->records, "Only the batches, without their records");
  add_output_option(dump, target);
}

// ------------------------------------------------------------------------------------------------------- what is wrong

// What is made from the definitions of all the others.
void add_pages(CLI::App& root, Target& target) {
  CLI::App* completion = root.add_subcommand("completion", "Print a script that completes weir's words in a shell");
  completion->footer(
      "Examples:\n"
      "  source <(weir completion bash)\n"
      "  weir completion zsh > ~/.zfunc/_weir\n"
      "  weir completion fish > ~/.config/fish/completions/weir.fish\n");
  completion
      ->add_option_function<std::string>(
          "SHELL", [&](const std::string& shell) { target.text = completion_script(root, shell); }, "The shell")
      ->required()
      ->check(one_of({"bash", "zsh", "fish"}));
  CLI::App* manual = root.add_subcommand("manual", "Print the manual page weir(1)");
  manual->footer("Examples:\n  weir manual | man -l -\n");
  manual->callback([&] { target.text = manual_page(root); });
}

CLI::App* deepest_command(CLI::App& root) {
  CLI::App* app = &root;
  for (bool deeper = true; deeper;) {
    deeper = false;
    for (CLI::App* sub : app->get_subcommands()) {
      app = sub;
      deeper = true;
    }
  }
  return app;
}

// "weir topic create" of the app for that.
std::string path_of(CLI::App* app) {
  std::string path = app->get_name();
  while ((app = app->get_parent()) != nullptr) path = app->get_name() + " " + path;
  return path;
}

std::string did_you_mean(CLI::App* app, const std::string& word) {
  std::vector<std::string> names;
  if (word.starts_with("-")) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  } else {
    for (const CLI::App* sub : app->get_subcommands({})) names.push_back(sub->get_name());
  }
  const std::string found = nearest(word.substr(0, word.find('=')), names);
  return found.empty() ? "" : "; did you mean '" + found + "'?";
}

Refusal refuse(CLI::App& root, const CLI::ParseError& error) {
  CLI::App* app = deepest_command(root);
  std::string problem = error.what();
  // A command or an option that does not exist explains whatever else is missing.
  const std::vector<std::string> unknown = root.remaining(true);
  if (!unknown.empty()) {
    const std::string& word = unknown.front();
    const bool is_option = word.starts_with("-");
    const bool wants_command = !is_option && !app->get_subcommands({}).empty();
    const std::string kind = is_option ? "option" : wants_command ? "command" : "argument";
    problem = fmt::format("'{}' has no {} '{}'{}", path_of(app), kind, word, did_you_mean(app, word));
  } else if (const bool lacks_command = app->get_require_subcommand_min() > 0; lacks_command) {
    std::string commands;
    for (const CLI::App* sub : app->get_subcommands({})) commands += (commands.empty() ? "" : ", ") + sub->get_name();
    problem = fmt::format("'{}' needs a command: {}", path_of(app), commands);
  }
  return {kExitWrongUsage, fmt::format("weir: {}\nSee: {} --help\n", problem, path_of(app))};
}

}  // namespace

std::expected<Invocation, Refusal> parse_command_line(std::vector<std::string> words, const std::string& bootstrap) {
  CLI::App root("weir: Apache Kafka, written anew as one native program", "weir");
  root.footer(
      "Each command has help of its own: weir topic create --help\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted before the end");
  root.require_subcommand(1);
  root.set_help_all_flag("--help-all", "Help for all commands");
  root.set_version_flag("--version", kVersionLine);
  root.get_formatter()->column_width(34);
  Target target;
  if (!bootstrap.empty()) target.invocation.cluster.bootstrap = bootstrap;
  add_node_commands(root, target);
  add_format(root, target);
  add_topic_commands(root, target);
  add_produce(root, target);
  add_consume(root, target);
  add_group_commands(root, target);
  add_config_commands(root, target);
  add_quota_commands(root, target);
  add_cluster_commands(root, target);
  add_log_commands(root, target);
  add_pages(root, target);
  // weir help topic create: what many type first.
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::ranges::reverse(words);
  try {
    root.parse(words);
  } catch (const CLI::CallForHelp&) {
    CLI::App* app = deepest_command(root);
    const std::string above = app->get_parent() == nullptr ? "" : path_of(app->get_parent());
    return std::unexpected(Refusal{kExitDone, app->help(above)});
  } catch (const CLI::CallForAllHelp&) {
    return std::unexpected(Refusal{kExitDone, root.help("", CLI::AppFormatMode::All)});
  } catch (const CLI::CallForVersion&) {
    return std::unexpected(Refusal{kExitDone, kVersionLine + std::string("\n")});
  } catch (const CLI::ParseError& error) {
    return std::unexpected(refuse(root, error));
  }
  if (!target.text.empty()) return std::unexpected(Refusal{kExitDone, std::move(target.text)});
  return target.invocation;
}

}  // namespace weir::cli
