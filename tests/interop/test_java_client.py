"""The Java client: java/RecordChecks.java, java/GroupChecks.java, java/ConsumerGroupChecks.java, java/AdminChecks.java."""

import pytest

from checks import Results

RECORDS = ["corpus_none", "corpus_gzip", "corpus_snappy", "corpus_lz4", "corpus_zstd", "broker_recompresses", "acks_0",
           "acks_1", "acks_all", "null_header_value", "log_append_time", "limits", "compacted_topic_needs_keys",
           "positions", "many_partitions_in_one_fetch_session", "auto_creation", "large_records"]
GROUPS = ["rebalances_RangeAssignor", "rebalances_RoundRobinAssignor", "rebalances_StickyAssignor",
          "rebalances_CooperativeStickyAssignor", "cooperative_keeps_what_stays", "static_membership",
          "commit_and_resume", "pattern_subscription", "new_partitions_are_assigned",
          "inconsistent_protocol_is_refused", "dead_member_is_expelled"]
CONSUMER_GROUPS = ["commit_and_resume", "rebalances_uniform", "rebalances_range", "static_membership", "regular_expression",
                   "new_partitions_are_assigned", "group_settings", "migration_classic_to_consumer",
                   "migration_consumer_to_classic"]
ADMIN = ["topics", "refused_topics", "placed_replicas_and_defaults", "topic_configs", "broker_configs",
         "delete_records", "list_offsets", "groups", "cluster"]


def run(jvm, cluster, name: str) -> Results:
    done = jvm.run(name, cluster.bootstrap, f"java.{name}.")
    return Results(done.out, done.err)


@pytest.fixture(scope="module")
def record_checks(jvm, cluster):
    return run(jvm, cluster, "RecordChecks")


@pytest.fixture(scope="module")
def group_checks(jvm, cluster):
    return run(jvm, cluster, "GroupChecks")


@pytest.fixture(scope="module")
def consumer_group_checks(jvm, cluster):
    return run(jvm, cluster, "ConsumerGroupChecks")


@pytest.fixture(scope="module")
def admin_checks(jvm, cluster):
    return run(jvm, cluster, "AdminChecks")


@pytest.mark.parametrize("name", RECORDS)
def test_records(record_checks, name):
    record_checks.expect_ok(name)


@pytest.mark.parametrize("name", GROUPS)
def test_groups(group_checks, name):
    group_checks.expect_ok(name)


@pytest.mark.parametrize("name", CONSUMER_GROUPS)
def test_consumer_groups(consumer_group_checks, name):
    consumer_group_checks.expect_ok(name)


@pytest.mark.parametrize("name", ADMIN)
def test_admin(admin_checks, name):
    admin_checks.expect_ok(name)


def test_every_check_of_the_programs_is_listed_here(record_checks, group_checks, consumer_group_checks, admin_checks):
    record_checks.expect_names(RECORDS)
    group_checks.expect_names(GROUPS)
    consumer_group_checks.expect_names(CONSUMER_GROUPS)
    admin_checks.expect_names(ADMIN)
