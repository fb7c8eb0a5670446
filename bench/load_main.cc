// The load generator of bench/run: one mode per run, its result as one line of JSON on standard output.
#include "kafka_client.h"
#include "paced.h"
#include "raw_produce.h"
#include "throughput.h"

int main(int argc, char** argv) {
  using namespace weir::bench;
  const Arguments arguments(argc, argv);
  const std::map<std::string, void (*)(const Arguments&)> modes = {
      {"create-topic", create_topic},   {"delete-topic", delete_topic}, {"await-in-sync", await_in_sync},
      {"produce", run_produce},         {"consume", run_consume},       {"paced", run_paced},
      {"round-trips", run_round_trips}, {"first-ack", run_first_ack}};
  const auto mode = modes.find(arguments.mode());
  if (mode == modes.end()) die("unknown mode " + arguments.mode(), 2);
  mode->second(arguments);
  return 0;
}
