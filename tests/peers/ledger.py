"""A producer that keeps book of what was acknowledged, and the check of what is read back against that book.

Every record carries its number within its partition. What an idempotent producer promises: a record that was acknowledged is
there, once, at the offset that was told, and records stand in the order in which they were sent.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterable

from confluent_kafka import Consumer, Producer, TopicPartition

TIMEOUT_S = 120


def producer_settings(bootstrap: str, codec: str) -> dict[str, object]:
    """An idempotent producer beneath which the broker may die."""
    # Batches small enough that several are in flight when the process dies; no record may time out in between.
    return {"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "compression.codec": codec,
            "linger.ms": 1, "batch.num.messages": 200, "queue.buffering.max.messages": 10_000,
            "message.timeout.ms": 600_000, "socket.timeout.ms": 5_000, "reconnect.backoff.ms": 5, "reconnect.backoff.max.ms": 50,
            "retry.backoff.ms": 5, "log_level": 0}


class Ledger:
    def __init__(self, topic: str, partitions: int) -> None:
        self.topic = topic
        self.partitions = partitions
        self.sent = [0] * partitions
        self.acknowledged: list[dict[int, int]] = [{} for _ in range(partitions)]  # Number to offset.
        self.errors: list[str] = []
        self._lock = threading.Lock()

    def send(self, producer: Producer, partition: int, padding: bytes = b"") -> None:
        number = self.sent[partition]
        self.sent[partition] += 1
        delivered = functools.partial(self.note_delivery, partition, number)
        while True:
            try:
                producer.produce(self.topic, b"%d:" % number + padding, partition=partition, on_delivery=delivered)
                return
            except BufferError:
                producer.poll(0.1)

    def note_delivery(self, partition: int, number: int, error, message) -> None:
        with self._lock:
            if error is not None:
                self.errors.append(f"record {number} of partition {partition}: {error}")
            else:
                self.acknowledged[partition][number] = message.offset()

    def acknowledged_count(self) -> int:
        with self._lock:
            return sum(len(one) for one in self.acknowledged)

    def violations(self, read: list[list[tuple[int, int]]]) -> list[str]:
        """read has for each partition the (offset, number) pairs in the order in which they were read."""
        found = list(self.errors)
        for partition, pairs in enumerate(read):
            found += self._order_violations(partition, pairs)
            offsets = {number: offset for offset, number in pairs}
            for number, offset in self.acknowledged[partition].items():
                if number not in offsets:
                    found.append(f"lost: record {number} of partition {partition}, acknowledged at offset {offset}")
                elif offset >= 0 and offsets[number] != offset:
                    found.append(f"moved: record {number} of partition {partition} from {offset} to {offsets[number]}")
        return found

    def _order_violations(self, partition: int, pairs: list[tuple[int, int]]) -> list[str]:
        found = []
        seen: set[int] = set()
        last = (-1, -1)
        for offset, number in pairs:
            if offset != last[0] + 1:
                found.append(f"gap: offset {offset} of partition {partition} follows {last[0]}")
            if number in seen:
                found.append(f"duplicated: record {number} of partition {partition}, again at offset {offset}")
            elif number < last[1]:
                found.append(f"reordered: record {number} of partition {partition} after {last[1]}")
            if number >= self.sent[partition]:
                found.append(f"invented: record {number} of partition {partition}, never sent")
            seen.add(number)
            last = (offset, number)
        return found


class Load:
    """Sends in a thread of its own until told to stop; between the records of a partition it makes a pause, if told so."""

    def __init__(self, bootstrap: str, book: Ledger, codec: str, pause_s: float = 0) -> None:
        self.book = book
        self._pause_s = pause_s
        self.producer = Producer(producer_settings(bootstrap, codec))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for partition in range(self.book.partitions):
                self.book.send(self.producer, partition, b"x" * 100)
            self.producer.poll(0)
            self._stopping.wait(self._pause_s)

    def stop(self) -> None:
        """Returns when everything sent is acknowledged or has failed."""
        self._stopping.set()
        self._thread.join()
        left = self.producer.flush(TIMEOUT_S)
        if left:
            self.book.errors.append(f"{left} records were neither acknowledged nor refused")

    def abandon(self) -> None:
        """Drops what is under way, after a failure."""
        self._stopping.set()
        self.producer.purge()  # The thread may wait for room in a queue that nobody empties any more.
        self._thread.join()
        self.producer.purge()

    def wait_for_acknowledgements(self, more: int) -> None:
        """Of records sent before or meanwhile; returns early when one was refused."""
        waiting = threading.Event()
        goal = self.book.acknowledged_count() + more
        for _ in range(TIMEOUT_S * 200):
            if self.book.acknowledged_count() >= goal or self.book.errors:
                return
            waiting.wait(0.005)
        raise AssertionError(f"no {more} acknowledgements in {TIMEOUT_S} s")

    def wait_for_acknowledgements_of_each(self, more: int, partitions: Iterable[int] | None = None) -> None:
        """As wait_for_acknowledgements(), so many of each partition, or of each of those."""
        waiting = threading.Event()
        book = self.book.acknowledged
        goals = {partition: len(book[partition]) + more for partition in partitions or range(self.book.partitions)}
        for _ in range(TIMEOUT_S * 200):
            if self.book.errors or all(len(book[partition]) >= goal for partition, goal in goals.items()):
                return
            waiting.wait(0.005)
        late = {partition: goal - len(book[partition]) for partition, goal in goals.items() if len(book[partition]) < goal}
        raise AssertionError(f"acknowledgements of partitions that did not come in {TIMEOUT_S} s: {late}")


class Watch:
    """Reads along in a thread of its own: what somebody has read stays where it was read."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self.seen: list[list[tuple[int, int]]] = [[] for _ in range(partitions)]
        self._errors: list[str] = []
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "watch", "enable.auto.commit": False, "auto.offset.reset": "error",
                                   "socket.timeout.ms": 5_000, "log_level": 0})
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(1000, 0.1):
                error = message.error()
                if error is None:
                    self.seen[message.partition()].append((message.offset(), int(message.value().split(b":", 1)[0])))
                elif error.name() == "_AUTO_OFFSET_RESET":
                    self._errors.append(f"cut off below a reader: {error}")
        self._consumer.close()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def violations(self, read: list[list[tuple[int, int]]]) -> list[str]:
        """`read` is what is there when all is over."""
        return self._errors + shown_too_early(self.seen, read)


def shown_too_early(seen: list[list[tuple[int, int]]], read: list[list[tuple[int, int]]]) -> list[str]:
    """What somebody saw, as (offset, number) of each partition, and what is not there any more."""
    found = []
    for partition, pairs in enumerate(read):
        there = dict(pairs)
        found += [f"uncommitted: record {number} was read at offset {offset} of partition {partition}, where {there.get(offset)} is"
                  for offset, number in seen[partition] if there.get(offset) != number]
    return found


def read_back(bootstrap: str, topic: str, partitions: int) -> list[list[tuple[int, int]]]:
    """Everything in the topic: per partition the (offset, number) pairs in reading order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "ledger", "enable.auto.commit": False,
                         "enable.partition.eof": True, "check.crcs": True})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    read: list[list[tuple[int, int]]] = [[] for _ in range(partitions)]
    open_partitions = partitions
    last_read = time.monotonic()
    while open_partitions:
        messages = consumer.consume(10_000, 0.1)
        if messages:
            last_read = time.monotonic()
        elif time.monotonic() > last_read + TIMEOUT_S:
            raise AssertionError(f"nothing more to read of {topic}, but its end was not reached in {TIMEOUT_S} s")
        for message in messages:
            error = message.error()
            if error is None:
                read[message.partition()].append((message.offset(), int(message.value().split(b":", 1)[0])))
            elif error.name() == "_PARTITION_EOF":
                open_partitions -= 1
            elif not error.retriable():
                raise AssertionError(str(error))
    consumer.close()
    return read
