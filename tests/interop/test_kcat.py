"""kcat."""

from __future__ import annotations

import json

import pytest

import corpus
import reference
from commands import kcat


@pytest.mark.parametrize("codec", corpus.CODECS)
def test_produce_and_consume(cluster, topic_name, codec):
    cluster.create_topic(topic_name, 1)
    lines = "".join(f"k{i}:{'' if i % 5 == 2 else f'value {i} ' + 'ab' * i}\n" for i in range(100))
    kcat(cluster.bootstrap, "-P", "-t", topic_name, "-p", "0", "-K", ":", "-Z", "-H", "a=1", "-H", "b=two", "-z", codec,
         "-X", "enable.idempotence=true", stdin=lines)
    read = [json.loads(line) for line in kcat(cluster.bootstrap, "-C", "-t", topic_name, "-J", "-e", "-q").splitlines()]
    assert [one["offset"] for one in read] == list(range(100))
    assert [one["key"] for one in read] == [f"k{i}" for i in range(100)]
    assert [one["payload"] for one in read] == \
        [None if i % 5 == 2 else f"value {i} " + "ab" * i for i in range(100)]
    assert all(one["headers"] == ["a", "1", "b", "two"] for one in read)


def test_corpus_is_read(cluster, topic_name):
    cluster.create_topic(topic_name)
    reference.produce(cluster.bootstrap, topic_name, corpus.records(), "snappy")
    read = [json.loads(line) for line in kcat(cluster.bootstrap, "-C", "-t", topic_name, "-J", "-e", "-q").splitlines()]
    corpus.verify([corpus.Record(one["partition"], one["offset"],
                                 None if one["key"] is None else one["key"].encode(),
                                 None if one["payload"] is None else one["payload"].encode(),
                                 tuple(zip(one.get("headers", [])[::2],
                                           [value.encode() for value in one.get("headers", [])[1::2]], strict=True)),
                                 one["ts"]) for one in read])


def test_metadata_and_offset_query(cluster, topic_name):
    cluster.create_topic(topic_name)
    reference.produce(cluster.bootstrap, topic_name, corpus.records())
    listed = json.loads(kcat(cluster.bootstrap, "-L", "-J", "-t", topic_name))
    assert [(one["id"], one["name"]) for one in listed["brokers"]] == [(1, cluster.bootstrap)]
    assert [(part["partition"], part["leader"]) for part in listed["topics"][0]["partitions"]] == [(0, 1), (1, 1), (2, 1)]
    time = corpus.FIRST_TIMESTAMP + 31_000
    assert kcat(cluster.bootstrap, "-Q", "-t", f"{topic_name}:1:{time}").split() == [topic_name, "[1]", "offset", "10"]


def test_group_goes_on_where_it_stopped(cluster, topic_name):
    cluster.create_topic(topic_name, 2)
    for words in (["one", "two"], ["three"]):
        kcat(cluster.bootstrap, "-P", "-t", topic_name, stdin="\n".join(words))
        read = kcat(cluster.bootstrap, "-G", topic_name, "-X", "auto.offset.reset=earliest", "-e", "-q", topic_name)
        assert sorted(read.split()) == sorted(words)
