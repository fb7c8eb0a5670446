"""A client that takes one node for the leader of a topic's only partition, whatever anybody says."""

from __future__ import annotations

import brokers
import raw
from ledger import Ledger

ALL, LEADER = -1, 1


class Direct:
    """Writes numbered records, and keeps book of what was acknowledged by all. Requests may be sent ahead of their answers, to a node that
    stands still; answers come in that order."""

    def __init__(self, node: brokers.Broker, book: Ledger) -> None:
        self.book = book
        self.connection = raw.Connection(node.address)
        self._sent: list[tuple[int, int]] = []

    def send_record(self, acks: int = ALL, timeout_ms: int = 1000) -> None:
        number = self.book.sent[0]
        self.book.sent[0] += 1
        self._sent.append((number, acks))
        records = raw.Batch(raw.record(b"%d:" % number + b"x" * 100)).encode()
        self.connection.send(raw.produce(self.book.topic, records, acks, timeout_ms=timeout_ms))

    def record_error(self) -> int:
        error, offset = raw.produce_result(self._answer(), self.book.topic)
        number, acks = self._sent.pop(0)
        if error == 0 and acks == ALL:
            self.book.acknowledged[0][number] = offset
        return error

    def record(self, acks: int = ALL) -> int:
        """The error code; 0 when it is acknowledged."""
        self.send_record(acks)
        return self.record_error()

    def send_fetch(self, offset: int, wait_ms: int = 0) -> None:
        self.connection.send(raw.fetch(self.book.topic, offset, wait_ms=wait_ms))

    def fetched(self) -> tuple[int, int, int]:
        """Error code, high watermark and size of the records."""
        return raw.fetch_result(self._answer(), self.book.topic)

    def fetch(self, offset: int) -> tuple[int, int, int]:
        self.send_fetch(offset)
        return self.fetched()

    def _answer(self) -> bytes:
        answer = self.connection.answer()
        assert answer is not None, "the node closed the connection"
        return answer

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Direct:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
