"""Kafka frames by hand over bare sockets, right and wrong ones."""

from __future__ import annotations

import dataclasses
import gzip
import socket
import struct

TIMEOUT_S = 20  # For a broker that hangs; no test asserts a time.

PRODUCE, FETCH, METADATA, API_VERSIONS = 0, 1, 3, 18


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ 0x82F63B78 if byte & 1 else byte >> 1
        table.append(byte)
    return table


_TABLE = _table()


def varint(value: int) -> bytes:
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest >= 0x80:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def string(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def frame(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


def request(key: int, version: int, body: bytes, correlation: int = 7, client: str = "raw") -> bytes:
    """A frame with request header version 1."""
    return frame(struct.pack(">hhi", key, version, correlation) + string(client) + body)


def record(value: bytes, offset_delta: int = 0) -> bytes:
    body = b"\0" + varint(0) + varint(offset_delta) + varint(-1) + varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


@dataclasses.dataclass
class Batch:
    """A record batch; each field can be set wrong. None means the right value."""

    records: bytes = dataclasses.field(default_factory=lambda: record(b"good"))
    count: int = 1
    last_offset_delta: int | None = None
    base_offset: int = 0
    length: int | None = None
    magic: int = 2
    crc: int | None = None
    attributes: int = 0
    timestamp: int = 1_700_000_000_000
    producer_id: int = -1
    producer_epoch: int = -1
    sequence: int = -1

    def encode(self) -> bytes:
        last = self.count - 1 if self.last_offset_delta is None else self.last_offset_delta
        body = struct.pack(">hiqqqhii", self.attributes, last, self.timestamp, self.timestamp, self.producer_id,
                           self.producer_epoch, self.sequence, self.count) + self.records
        crc = crc32c(body) if self.crc is None else self.crc
        length = len(body) + 9 if self.length is None else self.length
        return struct.pack(">qiibI", self.base_offset, length, -1, self.magic, crc) + body


def gzip_bomb(inflated: int) -> bytes:
    """One record whose value inflates to so many zero bytes, compressed."""
    head = b"\0" + varint(0) + varint(0) + varint(-1) + varint(inflated)
    tail = varint(0)
    length = len(head) + inflated + len(tail)
    return gzip.compress(varint(length) + head + bytes(inflated) + tail)


def produce(topic: str, records: bytes, acks: int = -1, partition: int = 0, timeout_ms: int = 30_000) -> bytes:
    body = struct.pack(">hhi", -1, acks, timeout_ms) + struct.pack(">i", 1) + string(topic)
    body += struct.pack(">iii", 1, partition, len(records)) + records
    return request(PRODUCE, 8, body)


def fetch(topic: str, offset: int = 0, max_bytes: int = 1 << 20, wait_ms: int = 0) -> bytes:
    """Fetch version 4: one partition, no session."""
    body = struct.pack(">iiiib", -1, wait_ms, 1, max_bytes, 0) + struct.pack(">i", 1) + string(topic)
    return request(FETCH, 4, body + struct.pack(">iiqi", 1, 0, offset, max_bytes))


class Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, TIMEOUT_S)

    def send(self, data: bytes) -> Connection:
        self.socket.sendall(data)
        return self

    def read(self, size: int) -> bytes | None:
        """Exactly so many bytes, or None where the other side closed the connection."""
        data = b""
        while len(data) < size:
            try:
                part = self.socket.recv(size - len(data))
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
        return data

    def answer(self) -> bytes | None:
        """The body of the next answer behind its correlation id, or None where the connection was closed."""
        head = self.read(8)
        if head is None:
            return None
        size, correlation = struct.unpack(">ii", head)
        assert correlation == 7
        return self.read(size - 4)

    def is_closed(self) -> bool:
        """Waits until the other side closes; an answer instead is an error."""
        return self.read(1) is None

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def produce_result(answer: bytes, topic: str) -> tuple[int, int]:
    """The error code and the base offset of the one partition in an answer to produce()."""
    at = 4 + 2 + len(topic.encode()) + 4 + 4
    return struct.unpack_from(">hq", answer, at)


def produce_error(answer: bytes, topic: str) -> int:
    return produce_result(answer, topic)[0]


def fetch_result(answer: bytes, topic: str) -> tuple[int, int, int]:
    """Error code, high watermark and size of the records in an answer to fetch()."""
    at = 4 + 4 + 2 + len(topic.encode()) + 4 + 4
    error, high_watermark, _, aborted = struct.unpack_from(">hqqi", answer, at)
    at += 22 + max(aborted, 0) * 16
    return error, high_watermark, struct.unpack_from(">i", answer, at)[0]
