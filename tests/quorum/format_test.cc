#include "quorum/format.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "quorum/checkpoint.h"
#include "quorum/metadata_delta.h"
#include "quorum/scram.h"
#include "sim/machine.h"
#include "storage/meta_properties.h"

namespace weir::quorum {
namespace {

class FormatTest : public ::testing::Test {
 protected:
  FormatTest() : fabric(simulation), machine(simulation, fabric, "a") {
    machine.start(1);
    options.cluster_id = "4L6g3nShT-eMCtK--X86sw";
    options.node_id = NodeId(1);
    options.log_dirs = {"/a", "/b"};
    options.metadata_log_dir = "/a";
    options.first_voters = FormatOptions::FirstVoters::kStandalone;
    options.controller_endpoint = {"CONTROLLER", "127.0.0.1", 9093};
  }
  Result<FormatReport> format() {
    return format_directories(machine.disk(), simulation.random(), machine.clock(), options);
  }
  Errc refused() {
    const auto report = format();
    EXPECT_FALSE(report);
    EXPECT_FALSE(machine.disk().stat("/a")) << "nothing is written before all is checked";
    return report ? Errc::kIo : report.error().code;
  }
  storage::MetaProperties properties(const std::string& directory) {
    return storage::parse_meta_properties(machine.disk().read_file(directory + "/meta.properties").value()).value();
  }

  sim::Simulation simulation{1};
  sim::Fabric fabric;
  sim::Machine machine;
  FormatOptions options;
};

TEST_F(FormatTest, StandaloneNodeIsItsOwnVoter) {
  const auto report = format();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->formatted, options.log_dirs);
  EXPECT_EQ(properties("/a").cluster_id, options.cluster_id);
  EXPECT_NE(properties("/a").directory_id, properties("/b").directory_id);
  const auto voters =
      read_checkpoint(machine.disk(), "/a/__cluster_metadata-0/00000000000000000000-0000000000.checkpoint");
  ASSERT_TRUE(voters) << voters.error().message;
  EXPECT_EQ(voters->header.kraft_version, 1);
  EXPECT_TRUE(voters->header.voters.is_only_voter({NodeId(1), *properties("/a").directory_id}));
  EXPECT_TRUE(voters->values.empty());
  EXPECT_FALSE(machine.disk().stat("/b/__cluster_metadata-0"));
}

TEST_F(FormatTest, BootstrapCheckpointHasTheDefaultsOfTheRelease) {
  options.release_version = MetadataVersion::parse("4.0");
  options.features["transaction.version"] = 1;
  ASSERT_TRUE(format());
  const auto records = read_bootstrap_records(machine.disk(), "/b");
  ASSERT_TRUE(records) << records.error().message;
  EXPECT_EQ(records->version(), MetadataVersion(25));
  MetadataDelta delta{MetadataImage{}};
  for (size_t i = 0; i < records->size(); ++i) ASSERT_TRUE(delta.replay((*records)[i]));
  const auto image = std::move(delta).finish({})->image;
  EXPECT_EQ(image.feature_level("transaction.version"), 1);
  EXPECT_EQ(image.feature_level("group.version"), 1);
  EXPECT_EQ(image.feature_level("share.version"), 0);
}

TEST_F(FormatTest, BootstrapWithoutAFileIsTheLatest) {
  const auto records = read_bootstrap_records(machine.disk(), "/nowhere");
  ASSERT_TRUE(records);
  EXPECT_EQ(records->version(), kLatestMetadataVersion);
  EXPECT_EQ(records->size(), 6U);
}

TEST_F(FormatTest, FormattedDirectoriesAreLeftAloneOnlyWhenAsked) {
  ASSERT_TRUE(format());
  const auto before = properties("/a").directory_id;
  EXPECT_EQ(format().error().code, Errc::kAlreadyExists);
  options.ignore_formatted = true;
  options.log_dirs.push_back("/c");
  const auto report = format();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->skipped, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(report->formatted, std::vector<std::string>{"/c"});
  EXPECT_EQ(properties("/a").directory_id, before);
  options.cluster_id = "another";
  EXPECT_EQ(format().error().code, Errc::kInvalidArgument);
}

TEST_F(FormatTest, ContradictoryOptionsAreRefused) {
  const FormatOptions good = options;
  const auto with = [&](auto change) {
    options = good;
    change(options);
    return refused();
  };
  EXPECT_EQ(with([](auto& o) { o.cluster_id = ""; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) { o.first_voters = FormatOptions::FirstVoters::kUnsaid; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) { o.has_static_voters = true; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) { o.is_controller = false; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) { o.features["no.such"] = 1; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) { o.features["group.version"] = 7; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) { o.features["kraft.version"] = 0; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) { o.features["metadata.version"] = 6; }), Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) {
              o.release_version = MetadataVersion(22);
              o.features[std::string(kElrFeature)] = 1;
            }),
            Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) {
              o.release_version = MetadataVersion(22);
              o.features["metadata.version"] = 22;
            }),
            Errc::kInvalidArgument);
  EXPECT_EQ(with([](auto& o) {
              o.first_voters = FormatOptions::FirstVoters::kGiven;
              o.initial_controllers = VoterSet::parse_initial("2@h:1:AAAAAAAAAAAAAAAAAAACDQ", "C").value();
            }),
            Errc::kInvalidArgument);
}

TEST_F(FormatTest, InitialControllersGiveThisNodeItsDirectoryId) {
  options.first_voters = FormatOptions::FirstVoters::kGiven;
  options.initial_controllers =
      VoterSet::parse_initial("1@h:1:AAAAAAAAAAAAAAAAAAABDQ,2@h:2:AAAAAAAAAAAAAAAAAAACDQ", "C").value();
  ASSERT_TRUE(format());
  EXPECT_EQ(properties("/a").directory_id, Uuid::parse("AAAAAAAAAAAAAAAAAAABDQ").value());
}

TEST_F(FormatTest, DamagedCheckpointIsCorrupt) {
  ASSERT_TRUE(format());
  const std::string path = "/a/bootstrap.checkpoint";
  const std::string content = machine.disk().read_file(path).value();
  for (size_t size = 0; size < content.size(); size += 7) {
    auto file = machine.disk().open(path, OpenMode::kTruncate).value();
    ASSERT_TRUE(file->write_at(0, as_bytes(std::string_view(content).substr(0, size))));
    const auto read = read_checkpoint(machine.disk(), path);
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, Errc::kCorrupt) << size;
  }
}

TEST(CheckpointName, IsParsedAsItIsWritten) {
  const SnapshotId id{Offset(18), LeaderEpoch(1)};
  EXPECT_EQ(checkpoint_name(id), "00000000000000000018-0000000001.checkpoint");
  EXPECT_EQ(parse_checkpoint_name(checkpoint_name(id)), id);
  for (const char* name :
       {"bootstrap.checkpoint", "00000000000000000018-0000000001.checkpoint.part", "quorum-state",
        "0000000000000000001x-0000000001.checkpoint", "-0000000000000000018-0000000001.checkpoint"}) {
    EXPECT_EQ(parse_checkpoint_name(name), std::nullopt) << name;
  }
}

std::string hex(ByteView bytes) {
  std::string text;
  for (uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

TEST(Scram, CredentialIsWhatKafkasToolMakesOfIt) {
  sim::Simulation simulation(1);
  const auto credential = parse_scram_argument(
      R"(SCRAM-SHA-256=[name=alice,password=secret,iterations=4096,salt="MWx2NHBkbnc0ZndxN25vdGNucWJjM2k="])",
      simulation.random());
  ASSERT_TRUE(credential) << credential.error().message;
  EXPECT_EQ(hex(credential->stored_key), "70009268976e1eed2ae2f138c288ac20906a93c2850e29df791d5a51922fa023");
  EXPECT_EQ(hex(credential->server_key), "f9bb6cfb814345bde1d38adf39a1d028e8e90a42a043f2bae4e584bbb9196fee");
  EXPECT_EQ(as_text(credential->salt), "1lv4pdnw4fwq7notcnqbc3i");
}

TEST(Scram, WrongArgumentsAreRefused) {
  sim::Simulation simulation(1);
  for (const char* argument :
       {"", "SCRAM-SHA-256", "SCRAM-SHA-1=[name=a,password=b]", "SCRAM-SHA-256=[password=b]", "SCRAM-SHA-256=[name=a]",
        "SCRAM-SHA-256=[name=a,password=b,iterations=4095]", "SCRAM-SHA-256=[name=a,password=b,iterations=16385]",
        "SCRAM-SHA-256=[name=a,password=b,colour=red]", "SCRAM-SHA-256=[name=a,saltedpassword=AAAA]",
        "SCRAM-SHA-512=[name=a,password=b,salt=???]"}) {
    EXPECT_EQ(parse_scram_argument(argument, simulation.random()).error().code, Errc::kInvalidArgument) << argument;
  }
}

}  // namespace
}  // namespace weir::quorum
