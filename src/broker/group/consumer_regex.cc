// Subscriptions by regular expression: what the members of a group ask for, and the topics that it stands for.
#include <fmt/format.h>

#include "base/log.h"
#include "broker/group/consumer_groups.h"
#include "broker/group/topic_regex.h"

namespace weir::broker {

using protocol::ErrorCode;

namespace {

// Expressions are not matched with all topics more often than this, whatever members do.
constexpr int64_t kRefreshIntervalMinMs = 10'000;

}  // namespace

Decided<ConsumerGroups::RegexChange> ConsumerGroups::update_regex(ConsumerGroup& group, const ConsumerMember& before,
                                                                  const ConsumerSubscription& after,
                                                                  ConsumerChange& change) {
  if (before.subscription.topic_regex == after.topic_regex) return RegexChange::kNone;
  if (before.subscription.has_regex() && group.regex_subscribers(*before.subscription.topic_regex) == 0)
    change.put(ConsumerRegexRecord{group.id(), *before.subscription.topic_regex, std::nullopt});
  if (!after.has_regex()) return before.subscription.has_regex() ? RegexChange::kResolved : RegexChange::kUnresolved;
  if (group.regex_subscribers(*after.topic_regex) > 1)
    return group.regexes().contains(*after.topic_regex) ? RegexChange::kResolved : RegexChange::kUnresolved;
  if (const auto compiled = TopicRegex::compile(*after.topic_regex); !compiled)
    return std::unexpected(GroupError{ErrorCode::kInvalidRegularExpression,
                                      fmt::format("SubscribedTopicRegex `{}` is not a valid regular expression: {}.",
                                                  *after.topic_regex, compiled.error().message)});
  return RegexChange::kUnresolved;
}

bool ConsumerGroups::wants_regexes(const ConsumerGroup& group, GroupTime now) const {
  if (group.subscribed_regexes().empty()) return false;
  if (group.regexes().empty()) return true;
  const ResolvedRegex& last = *group.regexes().begin()->second;  // all are resolved together
  if (now.wall <= last.time + kRefreshIntervalMinMs) return false;
  return group.subscribed_regexes().size() != group.regexes().size() || last.version < new_topics_version_ ||
         now.wall > last.time + config_.consumer_regex_refresh_interval.count();
}

void ConsumerGroups::resolve_regexes(ConsumerGroup& group, GroupTime now, ConsumerChange& change) {
  std::vector<std::pair<TopicRegex, ConsumerRegexRecord>> resolved;
  for (const auto& [regex, members] : group.subscribed_regexes()) {
    ConsumerRegexRecord record{group.id(), regex, ResolvedRegex{.version = topics_.version(), .time = now.wall}};
    // It was compiled when it came in; another implementation may have taken one that this one does not.
    if (auto compiled = TopicRegex::compile(regex)) resolved.emplace_back(*std::move(compiled), std::move(record));
  }
  topics_.for_each_topic([&](std::string_view name) {
    for (auto& [regex, record] : resolved) {
      if (regex.matches(name)) record.value->topics.emplace(name);
    }
  });
  bool bump = false;
  for (auto& [regex, record] : resolved) {
    const auto it = group.regexes().find(record.regex);
    bump |= it == group.regexes().end() ? !record.value->topics.empty() : it->second->topics != record.value->topics;
    change.put(record);
  }
  update_epoch(group, bump, change);
}

}  // namespace weir::broker
