"""Bare sockets: garbage, connections that say half of something, readers that are slow or leave, and scrapes of the metrics."""

from __future__ import annotations

import http.client
import socket
import struct

import raw
from producers import QUIET, ROLLING
from work import Site, Work

TOPIC = "rolling-size"


def abort(connection: raw.Connection) -> None:
    """Closes with a reset: what the broker has not sent yet fails at once."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Garbage(Work):
    """Bytes that are no request, and batches that are no batches."""

    THINGS = ("garbage connections", "corrupt batches refused", "requests sent byte by byte")

    def round(self) -> None:
        self.rng.choice([self.random_bytes, self.corrupt_batch, self.byte_by_byte])()

    def random_bytes(self) -> None:
        data = self.rng.choice([
            self.rng.randbytes(self.rng.randrange(1, 400)), raw.frame(self.rng.randbytes(self.rng.randrange(1, 400))),
            b"GET / HTTP/1.1\r\n\r\n", struct.pack(">i", self.rng.choice([-1, 0, 0x7FFFFFFF, -0x80000000])),
            raw.request(self.rng.randrange(0, 90), self.rng.randrange(0, 18), self.rng.randbytes(self.rng.randrange(60)))])
        with raw.Connection(self.site.broker.address) as one:
            one.send(data)
            one.socket.shutdown(socket.SHUT_WR)
            while one.read(1) is not None:
                pass
        self.done("garbage connections")

    def corrupt_batch(self) -> None:
        field = self.rng.choice(["crc", "length", "count", "last_offset_delta", "base_offset", "attributes"])
        batch = raw.Batch(**{field: self.rng.choice([1000, 0x30])})
        with raw.Connection(self.site.broker.address) as one:
            answer = one.send(raw.produce(TOPIC, batch.encode())).answer()
        if answer is not None and raw.produce_error(answer, TOPIC) != 0:
            self.done("corrupt batches refused")

    def byte_by_byte(self) -> None:
        with raw.Connection(self.site.broker.address) as one:
            for byte in raw.request(raw.API_VERSIONS, 0, b""):
                one.send(bytes([byte]))
            if one.answer() is not None:
                self.done("requests sent byte by byte")


class HalfOpen(Work):
    """Connections that stay with the beginning of a request, and end when others have taken their place."""

    THINGS = ("half-open connections",)
    MOST = 100

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.open: list[raw.Connection] = []

    def round(self) -> None:
        for _ in range(self.rng.randrange(1, 20)):
            one = raw.Connection(self.site.broker.address)
            self.open.append(one)
            claimed = self.rng.choice([10, 50_000_000])
            one.send((struct.pack(">i", claimed) + b"x" * 9)[:self.rng.randrange(14)])
            self.done("half-open connections")
        self.rng.shuffle(self.open)
        while len(self.open) > self.MOST:
            one = self.open.pop()
            self.rng.choice([raw.Connection.close, abort])(one)

    def close(self) -> None:
        for one in self.open:
            one.close()


class SlowReader(Work):
    """Asks for much and reads little of it; asks, and leaves while the broker waits or writes."""

    THINGS = ("bytes read slowly", "readers that left in the middle of an answer", "fetches left while they wait",
              "requests in a pipeline")

    def round(self) -> None:
        self.rng.choice([self.read_slowly, self.leave_waiting, self.pipeline])()

    def read_slowly(self) -> None:
        one = raw.Connection(self.site.broker.address)
        for _ in range(8):
            one.send(raw.fetch(self.rng.choice(list(ROLLING)), self.log_start(), 5_000_000))
        for _ in range(self.rng.randrange(20)):
            part = one.socket.recv(self.rng.randrange(1, 20_000))
            self.done("bytes read slowly", len(part))
            if not part or self.site.stopping.wait(0.02):
                break
        abort(one)
        self.done("readers that left in the middle of an answer")

    def log_start(self) -> int:
        """Where the log of the first partition begins."""
        with raw.Connection(self.site.broker.address) as one:
            body = struct.pack(">i", -1) + struct.pack(">i", 1) + raw.string(TOPIC) + struct.pack(">iiq", 1, 0, -2)
            answer = one.send(raw.request(2, 1, body)).answer()
        if answer is None:
            raise ConnectionResetError("closed before the answer to ListOffsets")
        return max(0, struct.unpack_from(">q", answer, len(answer) - 8)[0])

    def leave_waiting(self) -> None:
        one = raw.Connection(self.site.broker.address)
        one.send(raw.fetch(QUIET, wait_ms=2000) * 3)
        self.site.stopping.wait(self.rng.random() * 0.05)
        self.rng.choice([raw.Connection.close, abort])(one)
        self.done("fetches left while they wait")

    def pipeline(self) -> None:
        with raw.Connection(self.site.broker.address) as one:
            count = self.rng.randrange(1, 100)
            for _ in range(count):
                one.send(raw.produce(TOPIC, raw.Batch().encode(), acks=1) if self.rng.random() < 0.2 else
                         raw.request(raw.METADATA, 1, struct.pack(">i", -1)))
            for _ in range(self.rng.randrange(count + 1)):
                if one.answer() is None:
                    break
                self.done("requests in a pipeline")


class Scraper(Work):
    """Reads /metrics and the two health pages, and asks for what is not there."""

    THINGS = ("metrics scraped", "health asked")

    def __init__(self, site: Site, name: str) -> None:
        super().__init__(site, name)
        self.address = site.broker.setting("weir.http.listener")

    def round(self) -> None:
        connection = http.client.HTTPConnection(self.address, timeout=raw.TIMEOUT_S)
        try:
            for path in self.rng.choices(["/metrics", "/livez", "/readyz", "/nothing?" + "x" * 300], k=self.rng.randrange(1, 5)):
                connection.request("GET", path)
                answer = connection.getresponse()
                body = answer.read()
                if path == "/metrics" and answer.status == 200 and b"weir_produced_bytes_total" in body:
                    self.done("metrics scraped")
                elif path.endswith("z"):
                    self.done("health asked")
        except http.client.HTTPException:
            pass  # The broker ended in the middle.
        finally:
            connection.close()
