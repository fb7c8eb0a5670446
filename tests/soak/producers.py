"""Producers: idempotent ones that keep a ledger, and plain ones whose topics roll and expire."""

from __future__ import annotations

import itertools

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import NewTopic

import ledger
from work import CODECS, TIMEOUT_S, Site, Work

PARTITIONS = 3
# Names of topics that live as long as the run; both roll at 1 MiB, Kafka's least segment.bytes.
ROLLING = {
    "rolling-size": {"segment.bytes": "1048576", "retention.bytes": "2097152", "file.delete.delay.ms": "500"},
    "rolling-time": {"segment.bytes": "1048576", "segment.ms": "1500", "retention.ms": "3000", "file.delete.delay.ms": "500"},
}
ROLLING_PARTITIONS = 2
QUIET = "quiet"  # A topic that nobody writes to: fetches wait there.
VALUE_BYTES = 1000


def create(site: Site, topic: NewTopic) -> None:
    """Returns when the topic is there, however often the broker dies over it."""
    admin = site.admin()
    while True:
        try:
            admin.create_topics([topic], request_timeout=5)[topic.topic].result(TIMEOUT_S)
            return
        except KafkaException as error:
            # The answer to an earlier try may have died with the broker.
            if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return
            if site.stopping.wait(0.1):
                raise


class IdempotentProducer(Work):
    """Topic after topic, each with a ledger: what was acknowledged is read back when the producer has finished."""

    THINGS = tuple(f"idempotent {codec}" for codec in CODECS) + ("ledgers that hold", "ledger topics deleted")
    KEPT = 2  # Ledgers of older topics that are checked again at the end, behind a restart.

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        codecs = list(CODECS)
        self.rng.shuffle(codecs)
        self.codecs = itertools.cycle(codecs)
        self.numbers = itertools.count()
        self.books: list[ledger.Ledger] = []

    def round(self) -> None:
        codec = next(self.codecs)
        book = ledger.Ledger(f"{self.name}-{next(self.numbers)}", PARTITIONS)
        create(self.site, NewTopic(book.topic, PARTITIONS, 1, config={"segment.bytes": "1048576", "retention.ms": "-1"}))
        producer = Producer(ledger.producer_settings(self.site.bootstrap, codec))
        padding = self.rng.randbytes(self.rng.choice([10, 100, 1500]))
        for _ in range(self.rng.randrange(3, 30)):
            for _ in range(self.rng.randrange(1, 40)):
                for partition in range(PARTITIONS):
                    book.send(producer, partition, padding)
            producer.poll(self.PAUSE_S)
        if not self.flush(producer, book):
            return
        self.books.append(book)
        self.done(f"idempotent {codec}", book.acknowledged_count())
        if self.check(book):
            self.done("ledgers that hold")
        if len(self.books) > self.KEPT:
            self.delete(self.books.pop(0))

    def flush(self, producer: Producer, book: ledger.Ledger) -> bool:
        """False where the node has ended for good, and nothing can be said of the records."""
        for _ in range(ledger.TIMEOUT_S):
            if producer.flush(1) == 0:
                return True
            if self.site.abandoned.is_set():
                producer.purge()
                return False
        book.errors.append(f"{len(producer)} records were neither acknowledged nor refused")
        return True

    def check(self, book: ledger.Ledger) -> bool:
        violations = book.violations(ledger.read_back(self.site.bootstrap, book.topic, PARTITIONS))
        for violation in violations[:20]:
            self.site.tally.fault(f"{book.topic}: {violation}")
        return not violations

    def check_kept(self) -> None:
        """Whoever calls it has the broker running and the thread joined."""
        for book in self.books:
            self.check(book)

    def delete(self, book: ledger.Ledger) -> None:
        admin = self.site.admin()
        admin.delete_topics([book.topic])[book.topic].result(TIMEOUT_S)
        self.done("ledger topics deleted")


class PlainProducer(Work):
    """Without idempotence, in each codec in turn, into topics with small segments that do not last."""

    THINGS = tuple(f"plain {codec}" for codec in CODECS)

    def __init__(self, site: Site, name: str, acks: str) -> None:
        super().__init__(site, name)
        self.acks = acks
        site.tally.expect(f"acks {acks}")
        self.codecs = itertools.cycle(self.rng.sample(CODECS, len(CODECS)))
        self.data = self.rng.randbytes(64 * VALUE_BYTES)

    def round(self) -> None:
        codec = next(self.codecs)
        # Half the producers send through what queues: lingering makes large batches, none at all makes many requests.
        producer = Producer(self.site.client(acks=self.acks, compression_codec=codec, linger_ms=self.rng.choice([0, 5, 50]),
                                             message_timeout_ms=5000))

        def delivered(error, _) -> None:
            if error is None:
                self.done(f"plain {codec}")
                self.done(f"acks {self.acks}")

        for _ in range(self.rng.randrange(5, 20)):
            topic = self.rng.choice(list(ROLLING))
            for _ in range(self.rng.randrange(10, 120)):
                at = self.rng.randrange(len(self.data) - VALUE_BYTES)
                producer.produce(topic, self.data[at:at + VALUE_BYTES], self.rng.choice([None, b"key"]), on_delivery=delivered)
            producer.poll(self.PAUSE_S)
            if self.site.stopping.is_set():
                break
        producer.flush(TIMEOUT_S)
