// What the controller's tests share: a controller on fixed settings, whose decisions take effect at once.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "broker/controller/controller.h"

namespace weir::broker::testing {

class FixedRules : public ConfigRules {
 public:
  Result<> validate(const quorum::ConfigResource&, const quorum::ConfigEntries& entries) const override {
    for (const auto& [name, value] : entries) {
      if (value == "bad") return fail(Errc::kInvalidArgument, name + " is bad");
    }
    return {};
  }
  bool is_list(quorum::ConfigResourceType, std::string_view name) const override {
    return name == "cleanup.policy" || name.ends_with(".throttled.replicas");
  }
  std::optional<std::string> default_value(quorum::ConfigResourceType, std::string_view name) const override {
    if (name == "cleanup.policy") return "delete";
    if (name == "min.insync.replicas") return "1";
    if (name == "unclean.leader.election.enable") return "false";
    return std::nullopt;
  }
  std::vector<TopicSetting> describe_topic(const quorum::MetadataImage&,
                                           const quorum::ConfigEntries& entries) const override {
    std::vector<TopicSetting> settings;
    for (const auto& [name, value] : entries) settings.push_back({name, value, 1, false, false});
    return settings;
  }
};

class SeededRandom : public Random {
 public:
  uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_{11};
};

class ControllerTest : public ::testing::Test {
 protected:
  ControllerTest() : controller_(options(), rules_, random_) {
    quorum::MetadataRecords bootstrap(quorum::kLatestMetadataVersion);
    quorum::add_default_features(quorum::kLatestMetadataVersion, bootstrap);
    take(controller_.activate({}, false, bootstrap, context_));
  }

  static ControllerOptions options() {
    ControllerOptions options;
    options.cluster_id = "cluster";
    options.leader_imbalance_check_interval = seconds(300);
    return options;
  }

  // Replays a decision; its answer.
  template <class Response>
  Reply<Response> take(Decision<Response> decision) {
    last_records_.clear();
    for (size_t i = 0; i < decision.records.size(); ++i) {
      bytes_.push_back(std::make_shared<ByteVector>(to_vector(decision.records[i])));
      last_records_.push_back(quorum::decode_metadata_record(*bytes_.back()).value());
    }
    controller_.replay(decision.records, context_);
    context_.next_offset += static_cast<int64_t>(decision.records.size());
    return std::move(decision.reply);
  }
  template <class Request>
  Reply<typename Request::Response> ask(const Request& request, int16_t version = Request::kMaxVersion) {
    context_.api_version = version;
    return take(controller_.decide(request, context_));
  }

  // Of type R among those of the last decision.
  template <class R>
  std::vector<R> records() const {
    std::vector<R> found;
    for (const auto& record : last_records_) {
      if (const auto* typed = std::get_if<R>(&record)) found.push_back(*typed);
    }
    return found;
  }

  protocol::BrokerRegistrationRequest registration(int32_t id) {
    protocol::BrokerRegistrationRequest request;
    request.broker_id = id;
    request.cluster_id = "cluster";
    request.incarnation_id = Uuid::random(random_);
    request.rack.reset();
    request.listeners.push_back({"PLAINTEXT", "localhost", 9092, 0});
    request.features.push_back({quorum::kMetadataVersionFeature, 7, 30});
    for (const auto& feature : quorum::features()) {
      request.features.push_back({feature.name, feature.supported.min, feature.supported.max});
    }
    request.log_dirs = {Uuid(9, static_cast<uint64_t>(1000 + id))};
    return request;
  }
  int64_t register_broker(int32_t id, int64_t previous_epoch = -1) {
    auto request = registration(id);
    request.previous_broker_epoch = previous_epoch;
    const auto reply = ask(request);
    EXPECT_EQ(reply.response.error_code, 0);
    return reply.response.broker_epoch;
  }
  protocol::BrokerHeartbeatRequest heartbeat(int32_t id) {
    protocol::BrokerHeartbeatRequest request;
    request.broker_id = id;
    request.broker_epoch = broker(id).epoch.value();
    request.current_metadata_offset = context_.next_offset.value();
    return request;
  }
  // A broker that is registered and unfenced.
  void add_broker(int32_t id) {
    register_broker(id);
    EXPECT_FALSE(ask(heartbeat(id)).response.is_fenced);
  }
  const quorum::BrokerImage& broker(int32_t id) { return *controller_.image().broker(NodeId(id)); }

  protocol::CreateTopicsResponse::CreatableTopicResult create(std::string_view name, int32_t partitions = 1,
                                                              int16_t replicas = 1) {
    protocol::CreateTopicsRequest request;
    request.topics.push_back({name, partitions, replicas, {}, {}});
    replies_.push_back(ask(request));
    return replies_.back().response.topics.at(0);
  }
  const quorum::PartitionImage& partition(std::string_view topic, int32_t index = 0) {
    return *controller_.image().topic(topic)->partition(PartitionIndex(index));
  }

  FixedRules rules_;
  SeededRandom random_;
  DecideContext context_;
  Controller controller_;
  std::vector<quorum::MetadataRecord> last_records_;
  std::vector<std::shared_ptr<ByteVector>> bytes_;
  std::deque<Reply<protocol::CreateTopicsResponse>> replies_;
};

inline int16_t code(protocol::ErrorCode error) { return protocol::error_field(error); }

}  // namespace weir::broker::testing
