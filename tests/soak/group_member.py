"""One member of a group: group_member.py SETTINGS TOPICS SEED. It reads and commits until its input is closed, then leaves.

Says what it did, a line each: the thing and how often.
"""

from __future__ import annotations

import json
import random
import select
import sys

from confluent_kafka import Consumer, TopicPartition


def say(thing: str, count: int = 1) -> None:
    print(thing, count, flush=True)


def main() -> None:
    settings, topics, rng = json.loads(sys.argv[1]), json.loads(sys.argv[2]), random.Random(int(sys.argv[3]))
    by_itself = settings["enable.auto.commit"]
    kind = "commits by themselves" if by_itself else "commits of members"
    member = Consumer(settings, on_commit=lambda error, _: error is None and say(kind))
    member.subscribe(topics, on_assign=lambda *_: say("rebalances"))
    while not select.select([sys.stdin], [], [], 0)[0]:
        read = [one for one in member.consume(500, 0.05) if one.error() is None]
        if not read:
            continue
        say("records read by groups", len(read))
        if not by_itself and rng.random() < 0.2:
            last = read[-1]
            offsets = [TopicPartition(last.topic(), last.partition(), last.offset() + 1, "noted")]
            member.commit(offsets=offsets, asynchronous=True)
    member.close()


if __name__ == "__main__":
    main()
