#include "cli/command_line.h"

#include <gtest/gtest.h>

#include "cli/suggest.h"

namespace weir::cli {
namespace {

Refusal refusal(std::vector<std::string> words) {
  auto parsed = parse_command_line(std::move(words), "");
  return parsed ? Refusal{-1, "it was taken"} : parsed.error();
}

template <class C>
C command(std::vector<std::string> words) {
  auto parsed = parse_command_line(std::move(words), "");
  EXPECT_TRUE(parsed.has_value()) << parsed.error().text;
  return parsed ? std::get<C>(parsed->command) : C{};
}

TEST(CommandLine, FillsInACommand) {
  const auto create = command<TopicCreate>(
      {"topic", "create", "a", "b", "-p", "6", "--config", "k=v=w", "-c", "l=", "--if-not-exists"});
  EXPECT_EQ(create.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(create.partitions, 6);
  EXPECT_EQ(create.configs, (Assignments{{"k", "v=w"}, {"l", ""}}));
  EXPECT_TRUE(create.if_not_exists);
  EXPECT_EQ(command<Consume>({"consume", "t", "--from", "-10"}).from, "-10");
  EXPECT_EQ(command<Start>({"start", "f", "--override", "a=b"}).overrides, (Assignments{{"a", "b"}}));
}

TEST(CommandLine, SettingsOfAllBrokersNeedNoName) {
  const auto all = command<ConfigSet>({"config", "set", "broker", "--set", "log.retention.ms=5", "--set", "a=b"});
  EXPECT_EQ(all.type, "broker");
  EXPECT_TRUE(all.name.empty());
  EXPECT_EQ(all.settings, (Assignments{{"log.retention.ms", "5"}, {"a", "b"}}));
  const auto one = command<ConfigUnset>({"config", "unset", "topic", "t", "--unset", "x", "--unset", "y"});
  EXPECT_EQ(one.name, "t");
  EXPECT_EQ(one.settings, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(refusal({"config", "describe", "topik", "t"}).exit_code, kExitWrongUsage);
  EXPECT_EQ(refusal({"config", "set", "topic", "t"}).exit_code, kExitWrongUsage) << "nothing to set";
  EXPECT_EQ(refusal({"feature", "upgrade"}).exit_code, kExitWrongUsage);
}

TEST(CommandLine, TheOptionIsStrongerThanTheEnvironmentAndThatThanTheDefault) {
  EXPECT_EQ(parse_command_line({"topic", "list"}, "")->cluster.bootstrap, "127.0.0.1:9092");
  EXPECT_EQ(parse_command_line({"topic", "list"}, "env:1")->cluster.bootstrap, "env:1");
  EXPECT_EQ(parse_command_line({"topic", "list", "-b", "own:1"}, "env:1")->cluster.bootstrap, "own:1");
  EXPECT_EQ(parse_command_line({"topic", "list", "-o", "json"}, "")->cluster.output, OutputFormat::kJson);
}

TEST(CommandLine, ATypoIsWrongUsageAndSuggestsTheNearest) {
  for (const auto& [words, meant] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"topci", "list"}, "did you mean 'topic'?"},
           {{"topic", "crate", "x"}, "did you mean 'create'?"},
           {{"topic", "create", "x", "--partitons", "3"}, "did you mean '--partitions'?"},
           {{"produce", "x", "--compresion=zstd"}, "did you mean '--compression'?"}}) {
    const Refusal refused = refusal(words);
    EXPECT_EQ(refused.exit_code, kExitWrongUsage);
    EXPECT_NE(refused.text.find(meant), std::string::npos) << refused.text;
  }
}

TEST(CommandLine, WhatIsMissingOrWrongIsNamed) {
  EXPECT_NE(refusal({"topic"}).text.find("needs a command: list, describe, create"), std::string::npos);
  EXPECT_NE(refusal({"topic", "create"}).text.find("NAME is required"), std::string::npos);
  EXPECT_NE(refusal({"topic", "create", "x", "-c", "novalue"}).text.find("not KEY=VALUE"), std::string::npos);
  EXPECT_EQ(refusal({"topic", "create", "x", "-p", "0"}).exit_code, kExitWrongUsage);
  EXPECT_EQ(refusal({}).exit_code, kExitWrongUsage);
}

TEST(CommandLine, HelpIsNoFailureAndHasExamples) {
  const Refusal help = refusal({"consume", "--help"});
  EXPECT_EQ(help.exit_code, kExitDone);
  EXPECT_NE(help.text.find("Examples:"), std::string::npos);
}

TEST(Suggest, FindsNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest("offst", {"offset", "topic"}), "offset");
  EXPECT_EQ(nearest("part", {"partitions", "replication"}), "partitions");
  EXPECT_EQ(nearest("banana", {"offset", "topic"}), "");
  EXPECT_EQ(edit_distance("ab", "ba"), 1u);
}

}  // namespace
}  // namespace weir::cli
